"""The answer lane: provider calls, many at once. It lives, but nothing is sent to it yet."""

from worker.runtime import Runtime


class AnswerLane:
    """Claims answer tasks; until answers exist there are none."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def drain(self) -> None:
        """Return at once: no job enqueues into this lane."""
