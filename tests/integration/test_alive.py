"""The workers' probe: alive while a worker on this machine tells its row."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import text

from db.session import Database
from worker.alive import is_alive


def row(database: Database, name: str, ago: int) -> None:
    with database.begin() as connection:
        connection.execute(
            text("""INSERT INTO workers (name, lane, seen_at)
                    VALUES (:name, 'embed', now() - make_interval(secs => :ago))"""),
            {"name": name, "ago": ago},
        )


@pytest.mark.parametrize(
    ("name", "ago", "alive"),
    [
        ("embed@box", 5, True),
        ("ingest@box/123", 5, True),
        ("embed@box", 90, False),
        ("embed@box-2", 5, False),
    ],
)
def test_a_worker_on_this_machine_is_alive_while_it_tells(
    database: Database, database_url: str, name: str, ago: int, alive: bool
) -> None:
    row(database, name, ago)
    assert is_alive(database_url, "box") is alive


def test_the_command_says_so_by_its_exit_status(database_url: str, database: Database) -> None:
    environment = os.environ | {"SIGHTLINE_DATABASE_URL": database_url}
    done = subprocess.run(
        [sys.executable, "-m", "worker.alive"], env=environment, check=False, timeout=30
    )
    assert done.returncode == 1
