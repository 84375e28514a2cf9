"""Nudges: a message that says "lane X has work", at most one on its way per lane."""

import time
from collections.abc import Callable

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

MARK_SECONDS = 1
"""How long a nudge counts as on its way when no worker takes it.

A busy worker fetches one nudge ahead, its own as likely as not, and so long no idle one is woken.
"""
REST_SECONDS = 5.0
"""How long no nudge is sent after Redis failed: workers look by themselves anyway."""


def mark(lane: str) -> str:
    """The Redis key that says that a nudge for a lane is on its way."""
    return f"{lane}:nudged"


class Nudger:
    """Wakes lanes. Never raises and never waits long: a nudge is only a courtesy."""

    def __init__(self, redis: Redis, send: Callable[[str], None]) -> None:
        """`send` puts a lane's message on the broker."""
        self._redis = redis
        self._send = send
        self._rest_until = 0.0

    def nudge(self, lane: str) -> bool:
        """Wake a lane, if no nudge for it is on its way; says whether Redis took it."""
        if time.monotonic() < self._rest_until:
            return False
        try:
            if self._redis.set(mark(lane), 1, nx=True, ex=MARK_SECONDS):
                self._send(lane)
        except Exception as error:  # the broker's library raises errors of many kinds
            self._rest_until = time.monotonic() + REST_SECONDS
            log.warning("nudge_failed", lane=lane, error=type(error).__name__)
            return False
        return True

    def arrived(self, lane: str) -> None:
        """Forget the mark; the worker does this before its first claim."""
        try:
            self._redis.delete(mark(lane))
        except RedisError as error:
            log.warning("nudge_mark_stays", lane=lane, error=type(error).__name__)
