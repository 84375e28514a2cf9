"""Named fail points: places where a test may end, freeze, delay or break a process.

Off unless `SIGHTLINE_FAILPOINTS` is set, to rules separated by commas:

    commit.before=exit              the process ends at once, as by kill -9
    store.before_write~sku-7=exit   only where what the point is about holds this text
    submit.after_commit=sleep:2     so many seconds; `raise` raises, `stop` freezes the process

`@PATH` names a file with the rules. It is read at each point, so that they can change while the
processes run, and it may say how often a rule acts over all processes: `commit.before=exit*3`.
"""

import os
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

RULES = os.environ.get("SIGHTLINE_FAILPOINTS", "")
EXIT_CODE = 75
RULE = re.compile(
    r"(?P<name>[\w.]+)(~(?P<about>[^=,]+))?=(?P<action>exit|stop|raise|sleep)"
    r"(:(?P<seconds>[\d.]+))?(\*(?P<times>\d+))?"
)


class FailPointReached(Exception):
    """Raised at a point whose rule says `raise`: an error that nobody foresees."""


def reach(name: str, about: object = None) -> None:
    """Do what the rules say of this point; nothing where there are none."""
    if RULES:
        for rule in _rules():
            if rule["name"] == name and (rule["about"] or "") in repr(about) and _is_due(rule):
                _act(rule)


def _rules() -> list[re.Match[str]]:
    if not RULES.startswith("@"):
        return _parsed(RULES)
    with suppress(FileNotFoundError):
        return _parsed(Path(RULES[1:]).read_text())
    return []


def _parsed(written: str) -> list[re.Match[str]]:
    """Raises ValueError for what is no rule."""
    rules = []
    for one in filter(None, written.strip().split(",")):
        rule = RULE.fullmatch(one.strip())
        if rule is None:
            raise ValueError(f"{one!r} is no fail point")
        rules.append(rule)
    return rules


def _is_due(rule: re.Match[str]) -> bool:
    """Whether a rule acts once more. Each act leaves a file, which no two processes can both make."""
    if rule["times"] is None:
        return True
    for n in range(int(rule["times"])):
        with suppress(FileExistsError):
            Path(f"{RULES[1:]}.{rule['name']}.{n}").touch(exist_ok=False)
            return True
    return False


def _act(rule: re.Match[str]) -> None:
    if rule["action"] == "exit":
        os._exit(EXIT_CODE)
    if rule["action"] == "stop":
        # To this thread, or it would go on until another one has taken the signal.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    if rule["action"] == "sleep":
        time.sleep(float(rule["seconds"]))
    if rule["action"] == "raise":
        raise FailPointReached(rule["name"])
