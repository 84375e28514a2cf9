"""What a request needs from outside it, made once by the factory."""

from dataclasses import dataclass

from flask import current_app
from redis import Redis

from api.metrics import Metrics
from api.pictures import Renditions
from api.waiting import Waiters
from db.blobs import BlobStore
from db.nudges import Nudger
from db.session import TenantDatabase
from db.settings import Settings

NAME = "sightline"


@dataclass(frozen=True)
class Services:
    """The process's connections; none is opened before it is used."""

    settings: Settings
    database: TenantDatabase
    blobs: BlobStore
    redis: Redis
    nudger: Nudger
    waiters: Waiters
    renditions: Renditions
    metrics: Metrics

    def close(self) -> None:
        """Stop the threads and processes, close the connections."""
        self.waiters.close()
        self.renditions.close()
        self.redis.close()
        self.database.close()


def services() -> Services:
    """The services of the app that handles this request."""
    found = current_app.extensions[NAME]
    assert isinstance(found, Services)
    return found
