"""The workers' wiring: reads the environment, and starts a lane in each worker process."""

import socket
from typing import Any

import structlog
from billiard.process import current_process
from celery import Celery
from celery.signals import (
    celeryd_after_setup,
    setup_logging,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)
from redis import Redis

from db import logs, tracing
from db.blobs import BlobStore
from db.nudges import Nudger
from db.session import Database
from db.settings import Settings
from db.vocabulary import Lane
from worker.runtime import Heart, Runtime

log = structlog.get_logger(__name__)
settings = Settings()
app = Celery("sightline", broker=settings.redis_url, include=["worker.lanes"])
app.conf.update(
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    task_acks_late=False,
    task_default_queue=Lane.UPKEEP,
    task_serializer="json",
    accept_content=["json"],
    task_routes={f"worker.lanes.{lane}": {"queue": lane} for lane in Lane},
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=10.0,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "socket_timeout": 2.0,
        "socket_connect_timeout": 2.0,
        "retry_on_timeout": True,
        "max_retries": 0,
    },
    task_publish_retry=False,
    beat_schedule={
        "upkeep": {"task": "worker.lanes.upkeep", "schedule": 10.0, "options": {"expires": 10}}
    },
)

_node: dict[str, Any] = {}
"""What `celeryd_after_setup` learned: the node's name and its lanes."""


@setup_logging.connect
def _logs(loglevel: str | int | None = None, **_: Any) -> None:
    logs.install(settings, loglevel)


@celeryd_after_setup.connect
def _in_the_main_process(sender: str, instance: Any, **_: Any) -> None:
    lanes = [Lane(name) for name in instance.app.amqp.queues.consume_from]
    if len(lanes) != 1:
        raise SystemExit(
            "Start a worker with exactly one lane: -Q embed, ingest, answer or upkeep."
        )
    _node.update(name=str(sender), lane=lanes[0])
    if "prefork" not in instance.pool_cls.__module__:
        _start(str(sender))


@worker_process_init.connect
def _in_a_child_process(**_: Any) -> None:
    _start(f"{_node['name']}/{getattr(current_process(), 'index', 0)}")


def _start(name: str) -> None:
    from worker import lanes

    logs.bind(worker=name, lane=_node["lane"])
    if _node["lane"] != Lane.UPKEEP:  # it does no tasks, and forks its beat later
        tracing.start(f"sightline-{_node['lane']}", name)
    try:
        lanes.start(runtime(name, _node["lane"]))
    except Exception as error:
        # Celery only logs what a signal's receiver raises: a worker without a lane would stay.
        log.exception("worker_cannot_start")
        raise SystemExit(f"The worker {name} cannot start: {error}") from error


def runtime(name: str, lane: Lane) -> Runtime:
    """Wire one worker process. Nothing connects yet."""
    name = name or f"{lane}@{socket.gethostname()}"
    database = Database(settings.database_url, pool_size=6, name=name)
    redis = Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)
    return Runtime(
        name=name,
        lane=lane,
        settings=settings,
        database=database,
        blobs=BlobStore(settings.blob_url),
        nudger=Nudger(redis, _send),
        heart=Heart(database, settings.lease_seconds),
    )


def _send(lane: str) -> None:
    app.send_task(f"worker.lanes.{lane}", queue=lane, retry=False, ignore_result=True)


@worker_shutting_down.connect
def _stop_taking_work(**_: Any) -> None:
    from worker import lanes

    lanes.stop()


@worker_process_shutdown.connect
def _child_stops(**_: Any) -> None:
    _stop_taking_work()
    tracing.stop()  # a child ends without Python's own end
