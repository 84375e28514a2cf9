"""`python -m tests.providers`: stand in for both providers until Ctrl-C, and tell what comes."""

import threading
from datetime import datetime

import click
from rich.console import Console
from rich.markup import escape

from tests.providers import KEY, FakeProviders, Seen

console = Console()


@click.command(
    epilog="Nothing leaves this machine. Answers cite the first source; captions name a colour."
)
@click.option(
    "--port", default=9900, show_default=True, help="Port on 127.0.0.1; 0 takes a free one."
)
@click.option("--key", default=KEY, show_default=True, help="The key that requests must bring.")
def main(port: int, key: str) -> None:
    """Answer as OpenAI and Anthropic would, without a network and without a bill.

    Start this, export the lines it prints, and start Sightline in the same shell: its answers,
    rankings and captions then come from here. Every request is checked as strictly as the
    providers' own types allow; one that they would refuse is refused here too.
    """
    with FakeProviders(port, key, told) as fakes:
        console.print("Point Sightline here:\n", style="bold")
        for name, value in (
            ("OPENAI_BASE_URL", fakes.openai_url),
            ("OPENAI_API_KEY", key),
            ("ANTHROPIC_BASE_URL", fakes.anthropic_url),
            ("ANTHROPIC_API_KEY", key),
        ):
            console.print(f"export {name}={value}", soft_wrap=True, highlight=False)
        console.print("\nListening; Ctrl-C ends it.", style="dim")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            console.print(f"{len(fakes.requests)} requests, {len(fakes.invalid)} invalid.")


def told(seen: Seen | str) -> None:
    """Print one request: its model, sources, pictures and question, or why it is invalid."""
    now = datetime.now().strftime("%H:%M:%S")
    if isinstance(seen, str):
        console.print(f"[dim]{now}[/] [red]invalid[/] {escape(seen)}")
        return
    console.print(f"[dim]{now}[/] [bold]{seen.wire.path}[/] {escape(seen.model)}")
    if seen.wire.path.endswith("/embeddings"):
        console.print(f"  {len(seen.texts)} texts")
        return
    sizes = ", ".join(f"{p.width}x{p.height} {p.colour}" for p in seen.pictures)
    console.print(f"  {len(seen.sources)} sources, {len(seen.pictures)} pictures  {sizes}")
    if seen.question:
        console.print(f"  [cyan]{escape(seen.question)}[/]")


if __name__ == "__main__":
    main()
