"""`python -m db.embedded`: run the whole of Sightline here, or show what it does."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import click

from db import keys_command
from db.embedded import Interrupted, Stack, StartFailed, free_port
from db.embedded import backup as backups
from db.embedded.stack import ROOT

ONE_KEYSTROKE = 1.0
"""Seconds in which several signals are one wish: `make` passes on what the terminal also sends."""
QUESTIONS = ("Which fuse protects the control board?", "When does the early price of Pro end?")
"""One for the sample manual, one for the sample deck."""


@click.group()
def main() -> None:
    """Sightline on one machine: Postgres with pgvector, Redis, workers and the API.

    Nothing needs to be installed besides, and no root rights. All data lies in the data folder
    and stays for the next start; delete the folder to begin anew.
    """


main.add_command(keys_command.main, "keys")


@main.command()
@click.option("--port", default=8000, show_default=True, help="Port of 127.0.0.1 for the API.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path(".data"),
              show_default=True, help="Folder for the database, pictures and logs.")  # fmt: skip
@click.option("--embed-workers", envvar="SIGHTLINE_EMBED_WORKERS", show_envvar=True,
              type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes that embed; each loads the models, and takes its part of the cores.")  # fmt: skip
def serve(port: int, data_dir: Path, embed_workers: int) -> None:
    """Start everything and keep it running until Ctrl-C.

    The port opens once every part is ready. A process that dies is started again. Settings come
    from the environment: `SIGHTLINE_IMAGE_MODEL=openai/clip-vit-base-patch32`, say; a second
    Ctrl-C kills at once.
    """
    begun = time.monotonic()
    with running(port, data_dir, embed_workers) as (stack, told_to_stop):
        click.echo(f"\nSightline is ready after {time.monotonic() - begun:.1f} s: {stack.url}")
        click.echo(f"  console  {stack.url}/        API  {stack.url}/docs")
        click.echo(f"  model    {os.environ.get('SIGHTLINE_IMAGE_MODEL') or 'the demo model'}")
        closed = (
            "every request needs one" if stack.has_keys else "none: only this machine is served"
        )
        click.echo(f"  command  {Path(sys.executable).with_name('sightline')} --help")
        click.echo(f"  keys     {closed}; make keys")
        click.echo(f"  logs     {stack.logs}\n  Ctrl-C stops everything; the data stays.")
        told_to_stop.wait()


@main.command()
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path(".data-demo"),
              show_default=True, help="Folder for the demo's data.")  # fmt: skip
def demo(data_dir: Path) -> None:
    """Start everything, search sample pictures, ask sample documents, stop everything."""
    with running(free_port(), data_dir) as (stack, told_to_stop):
        code = next(
            (
                code
                for command in _demo(data_dir, stack.url)
                if (code := _run(command, told_to_stop))
            ),
            0,
        )
    if code:
        raise SystemExit(code)


def _demo(folder: Path, url: str) -> list[list[str]]:
    """The commands that draw the samples, and the one that uploads, searches and asks."""
    archive, manual, deck = folder / "sample.zip", folder / "pump.pdf", folder / "hub.pptx"
    samples = [
        ["sample_catalog", str(folder / "sample"), "--zip", str(archive)],
        ["sample_manual", str(manual)],
        ["sample_deck", str(deck)],
    ]
    made = [[sys.executable, "-m", f"worker.demo_model.{name}", *rest] for name, *rest in samples]
    show = [sys.executable, "-m", "sightline.demo", "--url", url, "--catalog-zip", str(archive),
            "--document", str(manual), "--document", str(deck), "--out", str(folder / "results")]  # fmt: skip
    for question in QUESTIONS:
        show += ["--question", question]
    return [*made, show]


@main.command()
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path(".data"),
              show_default=True, help="Folder whose data is copied.")  # fmt: skip
@click.argument("out", type=click.Path(path_type=Path))
def backup(data_dir: Path, out: Path) -> None:
    """Copy all data into the new tar file OUT, also while Sightline runs."""
    with _told():
        about = backups.backup(data_dir, out)
    click.echo(f"{out} holds {about.jobs} jobs, {about.items} items and {about.blobs} blobs.")
    _tell_missing(about)


@main.command()
@click.option("--data-dir", type=click.Path(path_type=Path), required=True,
              help="The new folder; it must not exist, or be empty.")  # fmt: skip
@click.argument("source", metavar="OUT", type=click.Path(path_type=Path, exists=True))
def restore(data_dir: Path, source: Path) -> None:
    """Make a new data folder of a backup; start it with `serve --data-dir`."""
    with _told():
        about = backups.restore(source, data_dir)
    click.echo(f"{data_dir} holds {about.jobs} jobs and {about.items} items of {about.made_at}.")
    _tell_missing(about)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (backups.BackupFailed, StartFailed) as error:
        raise click.ClickException(str(error)) from error


def _tell_missing(about: backups.About) -> None:
    if about.missing:
        raise click.ClickException(f"{about.missing} blobs that rows name are not there.")


@contextmanager
def running(
    port: int, data_dir: Path, embed_workers: int = 1
) -> Iterator[tuple[Stack, threading.Event]]:
    """A started stack, and the event that a signal sets; exits 1 when the start fails."""
    stack = Stack(
        data_dir, port, say=lambda line: click.echo(f"  {line}"), embed_workers=embed_workers
    )
    _heed_signals(stack)
    try:
        click.echo("Starting Sightline …")
        stack.start()
        yield stack, stack.supervisor.stopping
    except StartFailed as error:
        click.echo(f"\nSightline did not start. {error}", err=True)
        raise SystemExit(1) from None
    except Interrupted:
        click.echo("Interrupted.", err=True)
        raise SystemExit(130) from None
    finally:
        _stop(stack)


def _stop(stack: Stack) -> None:
    begun = time.monotonic()
    running = [name for name, pid in stack.processes.items() if pid is not None]
    stack.stop()
    if running:
        click.echo(f"Stopped {', '.join(running)} in {time.monotonic() - begun:.1f} s.")


def _heed_signals(stack: Stack) -> None:
    first: list[float] = []

    def heed(number: int, _frame: FrameType | None) -> None:
        if not first:
            first.append(time.monotonic())
            stack.supervisor.stopping.set()
        elif number == signal.SIGINT and time.monotonic() - first[0] > ONE_KEYSTROKE:
            stack.kill()
            os._exit(130)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, heed)


def _run(command: list[str], told_to_stop: threading.Event) -> int:
    child = subprocess.Popen(command, cwd=ROOT)
    while not told_to_stop.is_set():
        with suppress(subprocess.TimeoutExpired):
            return child.wait(0.2)
    child.terminate()
    child.wait()
    raise Interrupted


if __name__ == "__main__":
    main()
