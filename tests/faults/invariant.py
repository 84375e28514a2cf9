"""What must be true after every fault: nothing lost, nothing twice, nobody holds on to dead work."""

import psycopg

STALE_SECONDS = 15

COUNTS = """
    SELECT j.id, j.total, j.succeeded, j.unchanged, j.failed, j.canceled,
        count(t.id), count(*) FILTER (WHERE t.status = 'succeeded'),
        count(*) FILTER (WHERE t.status = 'unchanged'),
        count(*) FILTER (WHERE t.status = 'failed'),
        count(*) FILTER (WHERE t.status = 'canceled'),
        count(*) FILTER (WHERE t.status IN ('queued', 'running')), j.ended_at IS NOT NULL
    FROM sightline.jobs j LEFT JOIN sightline.tasks t ON t.tenant_id = j.tenant_id
        AND t.job_id = j.id AND NOT t.expands
    GROUP BY j.tenant_id, j.id
"""
VECTORS = """
    SELECT count(*), count(DISTINCT (tenant_id, item_id, model_id)) FROM sightline.embeddings
"""
WITHOUT_VECTOR = """
    SELECT count(*) FROM sightline.tasks t
    JOIN sightline.jobs j ON j.tenant_id = t.tenant_id AND j.id = t.job_id
    JOIN sightline.items i ON i.tenant_id = t.tenant_id AND i.id = t.item_id
    WHERE t.status IN ('succeeded', 'unchanged') AND j.kind IN ('import', 'item')
      AND i.sha256 IS NOT NULL AND NOT EXISTS (
        SELECT FROM sightline.embeddings e
        WHERE e.tenant_id = i.tenant_id AND e.item_id = i.id AND e.sha256 = i.sha256)
"""
STALE = f"""
    SELECT count(*) FROM sightline.tasks WHERE status = 'running'
    AND lease_expires_at < now() - interval '{STALE_SECONDS} seconds'
"""


def check(database_url: str) -> None:
    """Raises AssertionError that says what is broken."""
    with psycopg.connect(database_url) as connection:
        for row in connection.execute(COUNTS):
            job, total, *counted = row[:6]
            tasks, *found, due, ended = row[6:]
            if not tasks and ended:
                continue  # a search from the cache ends without any task
            assert (total, counted) == (tasks, found), f"{job} counts {row[1:6]}, has {row[6:11]}"
            assert total == sum(counted) + due, f"{job} lost a task: {row[1:]}"
            assert not (ended and due), f"{job} ended with {due} tasks due"
        vectors, keys = connection.execute(VECTORS).fetchone() or (0, 0)
        assert vectors == keys, f"{vectors} vectors for {keys} items and models"
        (bare,) = connection.execute(WITHOUT_VECTOR).fetchone() or (0,)
        assert bare == 0, f"{bare} items are said to be embedded and have no vector"
        (stale,) = connection.execute(STALE).fetchone() or (0,)
        assert stale == 0, f"{stale} tasks hold a lease that expired over {STALE_SECONDS} s ago"
