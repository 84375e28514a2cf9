"""Waking workers from the API: Redis and Celery with short patience, loaded when first needed."""

from functools import cached_property
from typing import TYPE_CHECKING

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from db.nudges import Nudger

if TYPE_CHECKING:
    from celery import Celery

PATIENCE = 0.3
"""Seconds for Redis to answer: a courtesy must not hold an answer."""


class Sender:
    """Sends a lane's Celery message. Celery is imported with the first one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, lane: str) -> None:
        """Put the message on the lane's queue; it holds no data."""
        self._celery.send_task(f"worker.lanes.{lane}", queue=lane, ignore_result=True, retry=False)

    @cached_property
    def _celery(self) -> "Celery":
        from celery import Celery

        made = Celery("api", broker=self._url, set_as_current=False)
        made.conf.update(
            task_ignore_result=True,
            task_publish_retry=False,
            broker_connection_retry=False,
            broker_connection_timeout=PATIENCE,
            broker_transport_options={
                "socket_timeout": PATIENCE,
                "socket_connect_timeout": PATIENCE,
                "max_retries": 1,
                "interval_start": 0,
                "interval_step": 0,
            },
        )
        return made


def connect(url: str) -> Redis:
    """A Redis client that gives up soon and never tries twice."""
    client: Redis = Redis.from_url(
        url,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
    return client


def make(url: str, redis: Redis) -> Nudger:
    """The process's nudger."""
    return Nudger(redis, Sender(url))
