"""`python -m worker.alive`: exits 0 when this machine's worker has told its row of late. For probes."""

import os
import socket
import sys

import psycopg

SILENT_SECONDS = 60
"""A worker tells its row every few seconds, in the midst of long work too."""
LATELY = """
    SELECT EXISTS (SELECT FROM sightline.workers WHERE split_part(split_part(name, '@', 2), '/', 1) = %s
                   AND seen_at > now() - make_interval(secs => %s))
"""


def is_alive(database_url: str, machine: str) -> bool:
    """Whether a worker on the machine works. Raises psycopg.Error when Postgres is away."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        row = connection.execute(LATELY, [machine, SILENT_SECONDS]).fetchone()
    return bool(row and row[0])


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ["SIGHTLINE_DATABASE_URL"], socket.gethostname()))
