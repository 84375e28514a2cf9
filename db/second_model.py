"""A catalog's second image model: embedded beside the first, switched to in one step, dropped."""

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, text

from db import jobs
from db.catalogs import Catalog
from db.errors import Conflict, CoverageIncomplete, NotFound

BEGIN = text("""
    UPDATE catalogs SET second_model = :model, switch_when_covered = :auto, updated_at = now()
    WHERE tenant_id = :tenant AND id = :catalog AND image_model <> :model
      AND coalesce(second_model, :model) = :model
""")
COVERAGE = text("""
    SELECT count(*) AS pictures, count(s.item_id) AS covered
    FROM catalogs c JOIN embeddings e
      ON e.tenant_id = c.tenant_id AND e.catalog_id = c.id AND e.model_id = c.model_id
    LEFT JOIN embeddings s ON s.tenant_id = e.tenant_id AND s.item_id = e.item_id
      AND s.model_id = c.second_model_id AND s.sha256 = e.sha256
    WHERE c.tenant_id = :tenant AND c.id = :catalog
""")
SWITCH = text("""
    UPDATE catalogs SET image_model = second_model, model_id = second_model_id,
        second_model = image_model, second_model_id = model_id,
        switch_when_covered = false, updated_at = now()
    WHERE tenant_id = :tenant AND id = :catalog AND second_model IS NOT NULL
""")
DROP = text("""
    WITH dropped AS (
        UPDATE catalogs SET second_model = NULL, second_model_id = NULL,
            switch_when_covered = false, updated_at = now()
        WHERE tenant_id = :tenant AND id = :catalog AND second_model IS NOT NULL
        RETURNING old.second_model_id AS model_id
    )
    DELETE FROM embeddings e USING dropped d
    WHERE e.tenant_id = :tenant AND e.catalog_id = :catalog AND e.model_id = d.model_id
""")
UNENDED = text("""
    SELECT id FROM jobs WHERE tenant_id = :tenant AND catalog_id = :catalog
      AND kind = 'reembedding' AND status IN ('queued', 'running')
""")
TO_SWITCH = text("""
    SELECT c.tenant_id, c.id FROM catalogs c
    WHERE c.switch_when_covered AND NOT EXISTS (
        SELECT FROM jobs j WHERE j.tenant_id = c.tenant_id AND j.catalog_id = c.id
          AND j.kind = 'reembedding' AND j.status IN ('queued', 'running'))
      AND EXISTS (SELECT FROM jobs j WHERE j.tenant_id = c.tenant_id AND j.catalog_id = c.id
          AND j.kind = 'reembedding' AND j.ended_at > now() - interval '10 minutes')
    ORDER BY c.id
""")
"""Coverage is counted for catalogs whose job has just ended alone: it reads all their vectors. Where
a picture failed, the retry of the job is what ends next."""


@dataclass(frozen=True)
class Coverage:
    """How many of the pictures that the first model embedded the second one has as well."""

    pictures: int
    covered: int

    @property
    def complete(self) -> bool:
        """Whether a switch loses no picture."""
        return self.covered == self.pictures


def begin(connection: Connection, tenant: int, catalog: Catalog, model: str, auto: bool) -> None:
    """Give the catalog its second model; again, it changes how it is switched.

    From here on pictures that come in are embedded under both. Raises Conflict.
    """
    values = {"tenant": tenant, "catalog": catalog.id, "model": model, "auto": auto}
    if not connection.execute(BEGIN, values).rowcount:
        raise Conflict(
            "That is the catalog's image model already."
            if catalog.image_model == model
            else "The catalog has a second model; drop that one first."
        )


def coverage(connection: Connection, tenant: int, catalog_id: int) -> Coverage:
    """Count what the second model has; reads all the catalog's rows of vectors."""
    row = connection.execute(COVERAGE, _key(tenant, catalog_id)).one()
    return Coverage(row.pictures, row.covered)


def switch(
    connection: Connection, tenant: int, catalog_id: int, *, incomplete: bool = False
) -> None:
    """Exchange the two models: searches that begin from now on use what was the second.

    The former first one is kept up to date, so that the switch can be taken back. Raises NotFound
    without a second model, and CoverageIncomplete unless `incomplete` allows that.
    """
    _lock(connection, tenant, catalog_id)
    found = coverage(connection, tenant, catalog_id)
    if not (found.complete or incomplete):
        raise CoverageIncomplete(
            f"{found.pictures - found.covered} of {found.pictures} pictures have no vector under "
            "the second model yet; wait for its job, or retry what failed."
        )
    connection.execute(SWITCH, _key(tenant, catalog_id))


def drop(connection: Connection, tenant: int, catalog_id: int) -> None:
    """Forget the second model with its vectors, and cancel what still embeds with it.

    Raises NotFound.
    """
    for job in connection.execute(UNENDED, _key(tenant, catalog_id)).scalars().all():
        jobs.cancel(connection, tenant, job)
    _lock(connection, tenant, catalog_id)
    connection.execute(DROP, _key(tenant, catalog_id))


def switch_covered(connection: Connection) -> int:
    """Switch the catalogs that wait for that and are covered; returns how many. For upkeep."""
    switched = 0
    for tenant, catalog_id in connection.execute(TO_SWITCH).all():
        with suppress(CoverageIncomplete, NotFound):
            switch(connection, tenant, catalog_id)
            switched += 1
    return switched


def _lock(connection: Connection, tenant: int, catalog_id: int) -> None:
    """Raises NotFound where the catalog has no second model."""
    has_one = text("""SELECT second_model FROM catalogs
                      WHERE tenant_id = :tenant AND id = :catalog FOR UPDATE""")
    if connection.execute(has_one, _key(tenant, catalog_id)).scalar() is None:
        raise NotFound("The catalog has no second model.")


def _key(tenant: int, catalog_id: int) -> dict[str, int]:
    return {"tenant": tenant, "catalog": catalog_id}
