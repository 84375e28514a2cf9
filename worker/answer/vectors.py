"""Text vectors by a provider: words of any jobs, claimed together and embedded in one call."""

from dataclasses import replace
from datetime import date
from typing import Self

import structlog
from sqlalchemy import Connection, text

from db import queue, search, spaces, tracing
from db.errors import ProviderError, TokenCapReached
from db.queue import Claim, Task
from db.usage import reserve_tokens, settle_tokens
from db.vocabulary import OPENAI_PREFIX, JobKind, Lane
from worker import searching, writing
from worker.answer.openai import OpenAIEmbedder
from worker.batch import Batch, Outcomes, Words, key_of, words_of
from worker.runtime import Lease, Runtime

log = structlog.get_logger(__name__)

BATCH = 256
SECONDS = 60.0
REVISION = "provider"
"""A provider tells no revision; a model that changes is told by its name."""
PREPROCESSING = 1
BYTES_PER_TOKEN = 4

Reserved = tuple[int, date, int]
"""(tenant, day, tokens)"""
GO_ON = (JobKind.SEARCH, JobKind.ANSWER)
"""Jobs whose query goes on by its other lists when no vector of its words can be had."""

CACHED = text("""
    SELECT DISTINCT ON (tenant_id, sha256) tenant_id, sha256, vector FROM embeddings
    WHERE model_id = :model AND tenant_id = ANY(:tenants) AND sha256 = ANY(:hashes)
""")


class TextVectors:
    """Embeds claimed words with the one text model that the settings name."""

    def __init__(self, runtime: Runtime, model: str, embedder: OpenAIEmbedder) -> None:
        """`model` is the name that catalogs keep: `openai:text-embedding-3-small`."""
        self._runtime, self._model, self._embedder = runtime, model, embedder
        self.claims = (BATCH, [model])

    @classmethod
    def of(cls, runtime: Runtime) -> Self | None:
        """From the settings; None where no provider makes text vectors."""
        settings = runtime.settings
        model = settings.served_text_model
        if not model.startswith(OPENAI_PREFIX):
            return None
        key = settings.openai_api_key.get_secret_value() or None
        embedder = OpenAIEmbedder(
            key, settings.openai_base_url or None, model.removeprefix(OPENAI_PREFIX)
        )
        return cls(runtime, model, embedder)

    def run(self, claim: Claim, lease: Lease) -> None:
        """Embed what is claimed, and end or hand on its tasks. Raises Unavailable."""
        batch = Batch(claim, lease, full=False)
        for task in claim.tasks:
            if task.cancel_requested:
                batch.cancel(task)
            else:
                batch.want(task)
        self._from_cache(batch)
        self._embed(batch)
        outcomes, without = _parted(batch.outcomes())

        def write(connection: Connection) -> set[Lane]:
            lanes = writing.write(connection, claim.token, outcomes, self._runtime.models)
            for task, vector in outcomes.searched:
                writing.keep_query(connection, task, vector, self._runtime.models)
                searching.finish(connection, claim.token, task)
            return lanes | _go_on(connection, claim, without)

        with tracing.span("store", batch.claim.tasks, batch.about) as told:
            told["sightline.written"] = self._runtime.commit(write)

    def _from_cache(self, batch: Batch) -> None:
        """What was embedded before, also by another job since these tasks were made."""
        keys = {
            (task.tenant_id, bytes.fromhex(task.payload["sha256"])): key_of(task)
            for task in batch.wanted if "sha256" in task.payload
        }  # fmt: skip
        space = self._runtime.models.get(self._model)
        if not keys or space is None:
            return
        with self._runtime.database.begin() as connection:
            rows = connection.execute(
                CACHED,
                {"model": space, "tenants": sorted({tenant for tenant, _ in keys}),
                 "hashes": sorted({sha256 for _, sha256 in keys})},
            ).all()  # fmt: skip
        for row in rows:
            if key := keys.get((row.tenant_id, bytes(row.sha256))):
                batch.vectors[key] = search.to_vector(row.vector)

    def _embed(self, batch: Batch) -> None:
        """Give every wanted text its vector, or all that are missing the provider's error."""
        reserved: list[Reserved] = []
        missing = self._afforded(batch, batch.missing_words(self._model), reserved)
        if not missing:
            return
        try:
            vectors = self._embedder.embed([words for *_, words in missing], SECONDS)
        except ProviderError as error:
            batch.vectors |= dict.fromkeys(missing, error)
            if not error.unknown:
                self._give_back(reserved)
            return
        self._register(vectors.shape[1])
        batch.vectors |= dict(zip(missing, vectors, strict=True))

    def _afforded(
        self, batch: Batch, missing: list[Words], reserved: list[Reserved]
    ) -> list[Words]:
        """The texts whose tokens a tenant that wants them has left today; the others get the error.

        What is taken from the day is added to `reserved`. A text that several want is paid once.
        """
        cap = self._runtime.settings.daily_tokens
        if not cap:
            return missing
        paid: set[Words] = set()
        refused: dict[Words, TokenCapReached] = {}
        for tenant, words in _wanted_by(batch, set(missing)).items():
            tokens = sum(_tokens(one) for one in words - paid)
            try:
                with self._runtime.database.begin() as connection:
                    reserved.append(
                        (tenant, reserve_tokens(connection, tenant, tokens, cap), tokens)
                    )
            except TokenCapReached as error:
                refused |= dict.fromkeys(words, error)
            else:
                paid |= words
        batch.vectors |= {one: error for one, error in refused.items() if one not in paid}
        return [one for one in missing if one in paid]

    def _give_back(self, reserved: list[Reserved]) -> None:
        """A call that the provider refused costs nothing."""
        with self._runtime.database.begin() as connection:
            for tenant, day, tokens in reserved:
                settle_tokens(connection, tenant, day, -tokens)

    def _register(self, dimensions: int) -> None:
        if self._model not in self._runtime.models:
            with self._runtime.database.begin() as connection:
                self._runtime.models[self._model] = spaces.register(
                    connection, self._model, REVISION, PREPROCESSING, dimensions
                )


def _wanted_by(batch: Batch, missing: set[Words]) -> dict[int, set[Words]]:
    """The missing texts by the tenants that want them."""
    wanted: dict[int, set[Words]] = {}
    for task in batch.wanted:
        if (words := words_of(task)) in missing and words is not None:
            wanted.setdefault(task.tenant_id, set()).add(words)
    return wanted


def _tokens(words: Words) -> int:
    """An estimate: the API tells no count for each text."""
    return len(words[2].encode()) // BYTES_PER_TOKEN + 1


def _parted(outcomes: Outcomes) -> tuple[Outcomes, list[Task]]:
    """Apart from the others: queries without a vector, which go on with their other lists."""
    without = [task for task, _ in outcomes.failed if task.job_kind in GO_ON]
    failed = [(task, error) for task, error in outcomes.failed if task.job_kind not in GO_ON]
    return replace(outcomes, failed=failed), without


def _go_on(connection: Connection, claim: Claim, tasks: list[Task]) -> set[Lane]:
    """A person waits: search without the list that a provider could not give a vector for."""
    for task in tasks:
        log.warning("query_without_text_vector", task=task.id)
        if not task.then:
            searching.finish(connection, claim.token, task, complete=False)
    moves = [(task, task.then) for task in tasks if task.then]
    return queue.move(connection, claim.token, moves) if moves else set()
