"""The embedded stack: everything Sightline needs, as child processes of one command.

Tests take what they need: `Postgres(folder).start()` and `Redis(folder).start()` return a URL,
`Stack(folder, port).start()` runs the whole system.
"""

from db.embedded.postgres import Postgres
from db.embedded.process import Process, StartFailed
from db.embedded.redis import Redis, free_port
from db.embedded.stack import Stack
from db.embedded.supervisor import Interrupted, Supervisor

__all__ = [
    "Interrupted",
    "Postgres",
    "Process",
    "Redis",
    "Stack",
    "StartFailed",
    "Supervisor",
    "free_port",
]
