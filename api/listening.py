"""Where the server listens, and the refusal to listen wider than this machine without a key."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from api.auth import Gate, is_local
from db.errors import Unavailable


class RefusesToStart(RuntimeError):
    """Raised by the factory; gunicorn then ends instead of trying again."""


def check(gate: Gate, listen: str, arguments: Sequence[str] = sys.argv) -> None:
    """Raise RefusesToStart when other machines are listened to and there is no key.

    `listen` is the setting; without it gunicorn's own command line tells. Where neither does, or
    Postgres is away, strangers are still refused one by one.
    """
    wide = [bind for bind in ([listen] if listen else binds(arguments)) if not is_narrow(bind)]
    if not wide:
        return
    with suppress(Unavailable):
        if not gate.has_keys:
            raise RefusesToStart(
                f"Sightline does not listen on {wide[0]} without an API key: anybody could read and "
                "delete everything. Make one first: python -m db.keys_command make --scope admin"
            )


def binds(arguments: Sequence[str]) -> list[str]:
    """The addresses that gunicorn's command line names; none for another server."""
    if not arguments or Path(arguments[0]).name != "gunicorn":
        return []
    found: list[str] = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument in ("-b", "--bind"):
            found.append(following)
        elif argument.startswith("--bind="):
            found.append(argument.removeprefix("--bind="))
        elif argument.startswith("-b") and len(argument) > 2:
            found.append(argument[2:])
    return found


def is_narrow(bind: str) -> bool:
    """Whether an address is reached from this machine alone: loopback or a Unix socket."""
    if bind.startswith(("unix:", "fd://")):
        return True
    host = bind.rpartition(":")[0] if bind.count(":") == 1 or "]" in bind else bind
    return host == "localhost" or (host != "" and is_local(host.strip("[]")))
