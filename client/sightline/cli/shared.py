"""What the commands share: the server, their common options, and errors as words and exit codes."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import click

from sightline.cli.show import err
from sightline.client import DEFAULT_URL, Sightline
from sightline.errors import (
    JobFailed,
    NotFound,
    ServerFailed,
    SightlineError,
    SightlineProblem,
    TooManyRequests,
    Unreachable,
)
from sightline.importers import Unrecognised
from sightline.words import safe

PATIENCE = 3.0
"""Seconds: whoever waits at a terminal is to be told soon that nothing answers."""
SOME_FAILED, WRONG_USE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
EXITS = """\b
Exit codes: 0 all right, 1 something failed (an item, a job), 2 wrong use or a
request that the server refuses, 3 the server cannot be reached, 130 interrupted."""
F = TypeVar("F", bound=Callable[..., Any])

NEXT = {
    "unauthorized": "Give a key with --key or SIGHTLINE_KEY.",
    "forbidden": "Use a key with that scope, or let an admin make one: sightline keys make.",
    "provider_not_configured": "Ask for sources alone with --provider none.",
    "rate_limited": "Wait a little, or give --patience more seconds.",
    "too_many_tasks": "Wait until some are done: sightline jobs --status running.",
    "daily_upload_reached": "Run the same command again tomorrow; it goes on where it stopped.",
    "job_already_ended": "See how it ended: sightline jobs show ID.",
    "job_not_retryable": "Submit it again.",
    "model_not_served": "See the models of your catalogs: sightline catalogs --json.",
}
"""What to do next, by the code of a problem."""


@dataclass
class Shared:
    """What was said before the command's name; the server is opened when it is first needed."""

    url: str | None = None
    key: str | None = None
    patience: float | None = None
    """Seconds, where they were given."""
    _server: list[Sightline] = field(default_factory=list)

    @property
    def server(self) -> Sightline:
        """The server, the same one each time."""
        if not self._server:
            try:
                patience = PATIENCE if self.patience is None else self.patience
                self._server.append(Sightline(self.url, self.key, patience=patience))
            except ValueError as error:
                raise click.UsageError(f"The server cannot be asked: {safe(error)}.") from error
        return self._server[0]

    def close(self) -> None:
        """Close what was opened."""
        while self._server:
            self._server.pop().close()

    def catalog(self, name: str | None) -> str:
        """The catalog that was named, else the only one. Raises UsageError."""
        if name:
            return name
        names = [one["name"] for one in self.server.catalogs()]
        if len(names) == 1:
            return names[0]
        known = f"there are {', '.join(names[:10])}" if names else "there is none yet"
        raise click.UsageError(f"Name a catalog with --catalog ({safe(known)}).")


class Commands(click.Group):
    """The group of all commands: what goes wrong becomes words, a next step and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (SightlineError, Unrecognised) as error:
            say_error(error)
            ctx.exit(exit_code(error))
        except KeyboardInterrupt:
            err().print("Stopped.")
            ctx.exit(INTERRUPTED)
        except OSError as error:
            if isinstance(error, BrokenPipeError):  # whoever read our output has had enough
                raise
            say_error(error)
            ctx.exit(SOME_FAILED)


class ListByDefault(click.Group):
    """A group whose bare name lists: `sightline jobs --limit 3` is `sightline jobs list --limit 3`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put in the `list` that was left out."""
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def say_error(error: Exception) -> None:
    """What went wrong, and what to do next, on stderr."""
    console = err()
    if isinstance(error, SightlineProblem):
        console.print(f"Error: {safe(error.detail)} ({safe(error.code)})")
        for one in error.errors[:10]:
            where = one.get("pointer") or f"line {one.get('line')}"
            console.print(f"  {safe(where)}: {safe(one.get('detail', ''))}")
        if isinstance(error, ServerFailed) and error.request_id:
            console.print(f"  The server's log calls the request {safe(error.request_id)}.")
    else:
        console.print(f"Error: {safe(error)}")
    if hint := _next_step(error):
        console.print(hint)


def _next_step(error: Exception) -> str:
    if isinstance(error, Unreachable):
        named = os.environ.get("SIGHTLINE_URL")
        asked = f"SIGHTLINE_URL is {safe(named)}" if named else f"{DEFAULT_URL} is the default"
        return f"Is the server running there? Name another with --url ({asked})."
    if isinstance(error, NotFound) and "catalog" in error.detail:
        return "See which there are: sightline catalogs."
    return NEXT.get(error.code, "") if isinstance(error, SightlineProblem) else ""


def exit_code(error: Exception) -> int:
    """The exit code of an error."""
    if isinstance(error, JobFailed):
        return SOME_FAILED
    if isinstance(error, Unreachable | ServerFailed | TooManyRequests):
        return UNREACHABLE
    return WRONG_USE


pass_shared = click.make_pass_decorator(Shared, ensure=True)


def catalog_option(command: F) -> F:
    """`--catalog`."""
    return click.option(
        "--catalog", "-c", metavar="NAME", envvar="SIGHTLINE_CATALOG",
        help="The catalog; where there is only one, that one. [env: SIGHTLINE_CATALOG]",
    )(command)  # fmt: skip


def json_option(command: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True,
                        help="Print JSON for machines; a list as one object a line.")(command)  # fmt: skip


def filter_option(command: F) -> F:
    """`--filter`, as often as wanted."""
    return click.option(
        "--filter", "-f", "filters", multiple=True, metavar="FIELD OP VALUE",
        help="As category=shoes, 'price<50', tags=new, attributes.stars>=4, or a JSON object; "
             "all given ones hold.",
    )(command)  # fmt: skip


def limit_option(default: int) -> Callable[[F], F]:
    """`--limit`."""
    return click.option("--limit", "-n", type=click.IntRange(1), default=default,
                        show_default=True, help="At most so many.")  # fmt: skip
