"""The four lanes as Celery tasks without arguments: a nudge wakes one, and it drains the table."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from db.vocabulary import Lane
from worker.app import app
from worker.runtime import Runtime

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Running:
    """The lane of this process."""

    runtime: Runtime
    drain: Callable[[], None]


_running: list[Running] = []


def start(runtime: Runtime) -> None:
    """Make this process the worker of a lane; the embed lane loads its models first."""
    drain = _drain_of(runtime)
    _running[:] = [Running(runtime, drain)]
    runtime.start(drain)
    log.info("worker_started", worker=runtime.name, lane=runtime.lane, models=runtime.models)


def stop() -> None:
    """Let the running drain end after what it has in hand."""
    for running in _running:
        running.runtime.stop()


def _drain_of(runtime: Runtime) -> Callable[[], None]:
    # Each lane's rooms are imported only where they are needed: torch is in the embed lane alone.
    if runtime.lane == Lane.EMBED:
        from worker.pipeline import EmbedPipeline

        return EmbedPipeline.load(runtime).drain
    if runtime.lane == Lane.INGEST:
        from worker.ingest.lane import IngestLane

        return IngestLane(runtime).drain
    if runtime.lane == Lane.UPKEEP:
        from worker.upkeep import Upkeep

        return Upkeep(runtime).drain
    from worker.answer import AnswerLane

    return AnswerLane(runtime).drain


def _nudged() -> None:
    for running in _running:
        running.runtime.nudger.arrived(running.runtime.lane)
        running.runtime.run(running.drain)


for _lane in Lane:
    app.task(_nudged, name=f"worker.lanes.{_lane}", ignore_result=True)
