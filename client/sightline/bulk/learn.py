"""Asks the server what it has of a catalog, in as few requests as that takes.

There is no state on this machine that could be lost, or wrong: the server shows each item's SHA-256
and metadata, 100 items a request, so 100,000 items are 1,000 requests, and any machine can go on
with what another one began. Where the source is far smaller than the catalog, each of its items is
asked for alone.
"""

from collections.abc import Callable

from sightline.bulk.known import Known
from sightline.client import Sightline
from sightline.errors import NotFound
from sightline.http import PAGE
from sightline.jobs import is_ended
from sightline.types import Job

Lookup = Callable[[str], None]
"""Makes sure that an item, if there is one, is among the known."""
KINDS = {"kind": ["image", "text"]}


def take_up(
    server: Sightline, catalog: str, known: Known, to_the_end: bool, waiting: Callable[[], None]
) -> list[Job]:
    """Read the catalog's former imports: remember what failed, return those that still run.

    Items of an import are shown once its manifest is read: that is waited for. `to_the_end` waits
    for everything, for pictures by address are items only when they were fetched. `waiting` is
    called when there is something to wait for.
    """
    running: list[Job] = []
    for job in server.jobs(kind="import", catalog=catalog):
        while not is_ended(job) and (to_the_end or not job["expanded"]):
            waiting()
            job = server.look(job, 2)  # noqa: PLW2901
        if not is_ended(job):
            running.append(job)
        elif job["counts"]["failed"]:
            for task in server.tasks(job, status="failed"):
                if task["item_id"]:
                    known.failed(task["item_id"], job["ended_at"] or job["created_at"])
    return running


def learn(server: Sightline, catalog: str, known: Known, count: int) -> Lookup:
    """Read what is there for a source of `count` items; returns how to ask for what was not read."""
    stored = server.catalog(catalog).get("counts", {}).get("items", 0)
    if stored and count * PAGE < stored:
        return lambda item_id: _ask(server, catalog, known, item_id)
    if stored:
        for item in server.items(catalog, filters=KINDS):
            if item["document_id"] is None:
                known.add(item)
    return _nothing


def _ask(server: Sightline, catalog: str, known: Known, item_id: str) -> None:
    try:
        known.add(server.item(catalog, item_id))
    except NotFound:
        return


def _nothing(_: str) -> None:
    """All is read already."""
