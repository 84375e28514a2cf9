"""The embed lane on a real Postgres, with an encoder that shows its batches."""

import sys

import pytest
from sqlalchemy import text

from db import catalogs, entries, items, jobs, queue
from db.blobs import BlobStore
from db.entries import Entry
from db.errors import Unavailable
from db.fields import ItemFields
from db.queue import NewTask
from db.session import Database
from db.settings import Settings
from db.vocabulary import JobKind, JobStatus, Lane
from tests.integration.queue_parts import MODEL, check_invariant, job
from tests.integration.worker_parts import POISON, FakeEncoder, FakePreprocessing, pipeline
from tests.unit.pictures import photo, saved
from worker.decoding import Decoders
from worker.pipeline import EmbedPipeline


@pytest.fixture
def lane(
    database: Database, blobs: BlobStore, settings: Settings
) -> tuple[EmbedPipeline, FakeEncoder]:
    return pipeline(database, blobs, settings)


def submit(database: Database, blobs: BlobStore, *pictures: bytes, prefix: str = "i") -> str:
    """An import of pictures that are stored already."""
    with database.begin() as connection:
        catalog, _ = catalogs.put(
            connection, 1, "shop", description=None, image_model=MODEL, text_model="none"
        )
        taken = [
            Entry(n, ItemFields(id=f"{prefix}{n}"), blobs.put(1, data), len(data), "image/png")
            for n, data in enumerate(pictures)
        ]
        tasks = entries.put(connection, 1, catalog, taken)
        return jobs.create(connection, 1, JobKind.IMPORT, catalog_id=catalog.id, tasks=tasks).id


def submit_search(database: Database, words: str) -> str:
    with database.begin() as connection:
        catalog = catalogs.get(connection, 1, "shop")
        return jobs.create(
            connection, 1, JobKind.SEARCH, catalog_id=catalog.id,
            request={"text": words, "searched_text": words, "limit": 3},
            tasks=[NewTask(Lane.EMBED, model=MODEL, payload={"text": words, "query": True})],
        ).id  # fmt: skip


def vectors(database: Database) -> int:
    with database.begin() as connection:
        return int(connection.execute(text("SELECT count(*) FROM embeddings")).scalar_one())


def test_pictures_of_many_jobs_share_batches(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    ids = [submit(database, blobs, bytes([n + 20]), prefix=f"j{n}-") for n in range(20)]
    lane[0].drain()
    assert lane[1].batches == [8, 8, 4]
    assert {job(database, job_id).status for job_id in ids} == {JobStatus.SUCCEEDED}
    assert vectors(database) == 20
    check_invariant(database)


def test_equal_bytes_are_encoded_once(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    submit(database, blobs, b"same", b"same", b"same", b"else")
    lane[0].drain()
    assert lane[1].batches == [2]
    submit(database, blobs, b"same", prefix="again")
    lane[0].drain()
    assert lane[1].batches == [2]
    assert vectors(database) == 5


def test_a_picture_that_waits_twice_is_encoded_once(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    for _ in range(12):
        submit(database, blobs, b"same")
    lane[0].drain()
    assert sum(lane[1].batches) == 1


def test_one_bad_picture_never_fails_its_batch(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    job_id = submit(database, blobs, b"a", b"broken", bytes([POISON]), b"b", b"c")
    lane[0].drain()
    after = job(database, job_id)
    assert (after.succeeded, after.failed) == (3, 2)
    with database.begin() as connection:
        failed = jobs.tasks(connection, 1, job_id, status="failed")
    assert [task.error["code"] for task in failed if task.error] == ["broken_image", "bad_vector"]
    check_invariant(database)


def test_bytes_that_are_gone_fail_only_their_task(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    job_id = submit(database, blobs, b"a", b"gone")
    import hashlib

    blobs.delete_blob(1, hashlib.sha256(b"gone").digest())
    lane[0].drain()
    with database.begin() as connection:
        (gone,) = [t for t in jobs.tasks(connection, 1, job_id) if t.status != "succeeded"]
    assert gone.error is not None and gone.error["code"] == "blob_missing"
    assert gone.status == "queued", "it is tried again later"


def test_a_search_ranks_what_was_embedded_and_is_cached(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    submit(database, blobs, bytes([200]), bytes([5]), bytes([90]))
    lane[0].drain()
    job_id = submit_search(database, "words")  # five characters: nearest to byte 5
    lane[0].drain()
    result = job(database, job_id).result
    assert result is not None
    assert [hit["item"]["id"] for hit in result["hits"]] == ["i1", "i2", "i0"]
    assert result["query"]["text"] == "words"
    with database.begin() as connection:
        kept = connection.execute(text("SELECT count(*) FROM query_embeddings")).scalar_one()
    assert kept == 1


def test_a_search_does_not_wait_for_an_import(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    import_id = submit(database, blobs, *(bytes([n]) for n in range(100, 180)))
    search_id = submit_search(database, "urgent")
    lane[0].drain()
    assert job(database, search_id).ended_at < job(database, import_id).ended_at  # type: ignore[operator]


def test_an_item_replaced_in_the_meantime_keeps_no_old_vector(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    first = submit(database, blobs, b"old")
    second = submit(database, blobs, b"new")
    lane[0].drain()
    assert job(database, first).canceled == 1
    assert job(database, second).succeeded == 1
    assert vectors(database) == 1


def test_a_deleted_items_task_stores_nothing(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    job_id = submit(database, blobs, b"a")
    with database.begin() as connection:
        catalog = catalogs.get(connection, 1, "shop")
        items.delete(connection, 1, catalog.id, "i0")
    lane[0].drain()
    assert job(database, job_id).canceled == 1
    assert vectors(database) == 0


def test_another_revision_of_the_model_is_refused(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    submit(database, blobs, b"a")
    lane[0].drain()
    with database.begin() as connection:
        other = connection.execute(
            text("""INSERT INTO models (name, revision, preprocessing, dimensions)
                    VALUES ('test-model', 'r2', 1, 4) RETURNING id""")
        ).scalar_one()
        connection.execute(text("UPDATE catalogs SET model_id = :m"), {"m": other})
    job_id = submit(database, blobs, b"b", prefix="b")
    lane[0].drain()
    with database.begin() as connection:
        (task,) = jobs.tasks(connection, 1, job_id)
    assert task.error is not None and task.error["code"] == "model_not_served"


def test_a_lost_lease_writes_no_vector(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job_id = submit(database, blobs, b"a", b"b")
    encode = lane[1].images

    def slow(arrays):  # type: ignore[no-untyped-def]
        with database.begin() as connection:
            connection.execute(
                text("UPDATE tasks SET lease_expires_at = now() - interval '1 second'")
            )
            queue.reap(connection)
            connection.execute(text("UPDATE tasks SET run_after = now() + interval '1 hour'"))
        return encode(arrays)

    monkeypatch.setattr(lane[1], "images", slow)
    lane[0].drain()
    assert vectors(database) == 0
    assert job(database, job_id).pending == 2
    check_invariant(database)


def test_a_claim_that_cannot_be_prepared_is_not_renewed_for_ever(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job_id = submit(database, blobs, b"a", b"b")

    def away(*_: object) -> None:
        raise Unavailable("The database cannot be reached.")

    with monkeypatch.context() as patched:
        patched.setattr(lane[0], "_from_cache", away)
        with pytest.raises(Unavailable):
            lane[0].drain()
    heart = lane[0]._runtime.heart
    assert not heart._leases
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 second'"))
        queue.reap(connection)
    lane[0].drain()
    assert job(database, job_id).succeeded == 2
    check_invariant(database)


def test_embedding_jobs_leave_vectors_in_their_tasks(
    database: Database, lane: tuple[EmbedPipeline, FakeEncoder]
) -> None:
    with database.begin() as connection:
        job_id = jobs.create(
            connection, 1, JobKind.EMBEDDING,
            tasks=[NewTask(Lane.EMBED, place=n, model=MODEL, payload={"text": "x" * n})
                   for n in (1, 2)],
        ).id  # fmt: skip
    lane[0].drain()
    with database.begin() as connection:
        results = list(jobs.results(connection, 1, job_id))
    assert [place for place, _ in results] == [1, 2]
    assert len(results[0][1]["embedding"]) == 4


def test_a_picture_that_kills_its_decoder_fails_alone_and_its_neighbours_go_on(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    crash = "import ctypes; ctypes.string_at(0)"
    lane[0]._apart = Decoders(command=(sys.executable, "-c", crash))
    monkeypatch.setattr(FakePreprocessing, "size", 8, raising=False)
    hostile = saved(photo(20, 20), "TIFF")
    job_id = submit(database, blobs, b"a", hostile, b"b")
    lane[0].drain()
    after = job(database, job_id)
    assert (after.succeeded, after.failed) == (2, 1)
    with database.begin() as connection:
        (failed,) = jobs.tasks(connection, 1, job_id, status="failed")
    assert failed.error is not None and failed.error["code"] == "broken_image"
    check_invariant(database)


def test_a_picture_that_a_worker_died_with_is_decoded_apart(
    database: Database, blobs: BlobStore, lane: tuple[EmbedPipeline, FakeEncoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    apart: list[bool] = []
    monkeypatch.setattr(
        lane[0]._apart, "array",
        lambda preprocessing, data, apart: _noted(apart, preprocessing.array(data)),
    )  # fmt: skip

    def _noted(is_apart: bool, pixels: object) -> object:
        apart.append(is_apart)
        return pixels

    submit(database, blobs, b"a", b"b")
    with database.begin() as connection:
        connection.execute(text("UPDATE tasks SET alone = true WHERE place = 0"))
    lane[0].drain()
    assert sorted(apart) == [False, True]
