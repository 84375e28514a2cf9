"""The embed lane: claim, decode ahead, encode, write behind; urgent words skip the line."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, cast

import numpy as np
import structlog
from sqlalchemy import Connection, text

from db import spaces, tracing
from db.errors import EncodingFailed, ModelNotServed, SightlineError
from db.queue import Claim
from db.settings import Settings
from db.vocabulary import PRIORITY, JobKind
from worker.batch import Batch, Picture, Pixels, Vector, Vectors, WantedPictures, Words
from worker.decoding import Decoders
from worker.encoder import (
    PREPROCESSING_VERSION,
    ClipEncoder,
    TextEncoder,
    encode_each,
    is_fatal,
)
from worker.runtime import Runtime
from worker.store import Store

log = structlog.get_logger(__name__)
T = TypeVar("T")

DEVICE_SECONDS = 0.25
"""A batch is the largest that takes no longer than this on the device: others wait behind it."""
SMALLEST_BATCH = 8
TEXT_PREPROCESSING = 1
"""How texts are made ready for a text model: as its own tokenizer does."""
UNWRITTEN = 3
"""Batches that a claim may not find in the cache yet: ahead, urgent, and being written."""
URGENT = PRIORITY[JobKind.SEARCH]


class EmbedPipeline:
    """Drains the embed lane with one encoder per served model.

    The device always has the next batch decoded when it ends one, as long as full batches come:
    two claims are held at most, the one on the device and the one ahead of it.
    """

    def __init__(
        self,
        runtime: Runtime,
        encoders: Sequence[ClipEncoder],
        text_encoders: Sequence[TextEncoder] = (),
    ) -> None:
        self._runtime = runtime
        self._encoders = {encoder.name: encoder for encoder in encoders}
        self._text_encoders = {encoder.name: encoder for encoder in text_encoders}
        self._size = min(_suited_batch(encoder) for encoder in encoders)
        self._decoders = ThreadPoolExecutor(runtime.settings.decode_threads, "decode")
        self._apart = Decoders()
        self._ahead = ThreadPoolExecutor(1, "ahead")
        self._store = Store(runtime)
        self._unwritten: deque[Batch] = deque(maxlen=UNWRITTEN)
        for encoder in encoders:
            self._register(encoder, PREPROCESSING_VERSION)
        for text_encoder in text_encoders:
            self._register(text_encoder, TEXT_PREPROCESSING)
        runtime.stats.know(batch_size=self._size)

    @classmethod
    def load(cls, runtime: Runtime) -> "EmbedPipeline":
        """Load and warm up every model that the settings name and no provider serves."""
        settings = runtime.settings
        encoders = []
        for name in settings.image_models:
            encoder = ClipEncoder.load(
                name, settings.image_model_revision, settings.device, settings.precision,
                settings.batch_size, settings.encoder, settings.cache_folder,
            )  # fmt: skip
            encoder.warm_up()
            log.info("encoder_chosen", model=name, **encoder.about)
            encoders.append(encoder)
        runtime.stats.know(encoders={encoder.name: encoder.about for encoder in encoders})
        return cls(runtime, encoders, _text_encoders(settings))

    def _register(self, encoder: ClipEncoder | TextEncoder, preprocessing: int) -> None:
        with self._runtime.database.begin() as connection:
            self._runtime.models[encoder.name] = spaces.register(
                connection, encoder.name, encoder.revision, preprocessing, encoder.dimensions
            )

    def drain(self) -> None:
        """Embed until nothing is due, or until the worker is told to stop."""
        try:
            self._drain()
        except Exception:
            # What is still in hand is not done by anybody: let it run out and be handed out again.
            self._ahead.submit(lambda: None).result()
            self._store.wait()
            self._runtime.heart.let_go_all()
            raise

    def _drain(self) -> None:
        batch = self._claim()
        while batch is not None:
            ahead = self._ahead.submit(self._claim_ahead) if batch.full else None
            self._do(batch)
            batch = self._next(ahead)

    def _next(self, ahead: "Future[Batch | None] | None") -> Batch | None:
        if ahead is not None:
            batch = ahead.result()
            if batch is not None:
                self._serve_urgent()
                return batch
        # With nothing ahead the device has time: what was just done ends before more is begun.
        self._store.wait()
        return None if self._runtime.stopping.is_set() else self._claim()

    def _claim(self) -> Batch | None:
        claim = self._runtime.claim(self._size)
        return self._prepared(claim) if claim else None

    def _claim_ahead(self) -> Batch | None:
        """The next batch while one is on the device; a task that must run alone is left."""
        if self._runtime.stopping.is_set():
            return None
        self._runtime.nudger.nudge(self._runtime.lane)
        claim = self._runtime.claim(self._size, may_be_alone=False)
        return self._prepared(claim) if claim else None

    def _serve_urgent(self) -> None:
        """Do what a person waits for between two batches of a bulk job."""
        claim = self._runtime.claim(SMALLEST_BATCH, may_be_alone=False, priority=URGENT)
        if claim:
            self._do(self._prepared(claim))

    def _prepared(self, claim: Claim) -> Batch:
        lease = self._runtime.heart.hold(claim)
        batch = Batch(claim, lease, full=len(claim.tasks) == self._size)
        for task in claim.tasks:
            if task.cancel_requested:
                batch.cancel(task)
            elif task.model_id not in (None, self._runtime.models.get(task.model or "")):
                batch.fail(task, ModelNotServed(
                    "The catalog was embedded with another revision of its model."))  # fmt: skip
            else:
                batch.want(task)
        if pictures := batch.wanted_pictures():
            with self._runtime.database.begin() as connection:
                self._from_cache(connection, batch, pictures)
            self._decode(batch)
        return batch

    def _from_cache(self, connection: Connection, batch: Batch, pictures: WantedPictures) -> None:
        """What was embedded before, also by another job since this task was made."""
        for model, keys in pictures.items():
            rows = connection.execute(
                text("""SELECT DISTINCT ON (tenant_id, sha256) tenant_id, sha256, vector
                        FROM embeddings WHERE model_id = :model
                        AND tenant_id = ANY(:tenants) AND sha256 = ANY(:hashes)"""),
                {"model": self._runtime.models[model], "tenants": sorted({t for t, _ in keys}),
                 "hashes": sorted({h for _, h in keys})},
            )  # fmt: skip
            for row in rows:
                batch.found(model, (row.tenant_id, bytes(row.sha256)), row.vector)

    def _decode(self, batch: Batch) -> None:
        # A task is alone when a worker died with it: maybe of decoding it.
        alone = any(task.alone for task in batch.claim.tasks)
        for key in batch.missing_pictures():
            batch.pixels[key] = self._decoders.submit(self._pixels, batch, alone, *key)

    def _pixels(self, batch: Batch, alone: bool, model: str, tenant: int, sha256: bytes) -> Pixels:
        preprocessing = self._encoders[model].preprocessing
        with batch.decoding.running():
            data = self._runtime.blobs.get(tenant, sha256)
            try:
                return cast(Pixels, self._apart.array(preprocessing, data, apart=alone))
            finally:
                batch.lease.progressed()  # a batch of hostile pictures takes minutes, and hangs not

    def _do(self, batch: Batch) -> None:
        started = time.perf_counter()
        for earlier in self._unwritten:
            batch.borrow(earlier.vectors)
        encoded = self._encode(batch)
        tracing.record("decode", batch.claim.tasks, batch.decoding, batch.about)
        tracing.record("forward", batch.claim.tasks, batch.forwarding, batch.about)
        self._unwritten.append(batch)
        batch.lease.progressed()
        self._runtime.stats.add("batches")
        self._runtime.stats.add("items", len(batch.claim.tasks))
        self._runtime.stats.add("encoded", encoded)
        log.debug("batch", size=len(batch.claim.tasks), encoded=encoded,
                  jobs=sorted({task.job_id for task in batch.claim.tasks}),
                  seconds=round(time.perf_counter() - started, 4))  # fmt: skip
        self._store.submit(batch, self._runtime.models)

    def _encode(self, batch: Batch) -> int:
        """Give every wanted input its vector or its error; returns how many were encoded."""
        count = 0
        for model, encoder in self._encoders.items():
            with self._runtime.stats.timed("decode"):  # only what the device waited for
                pictures, pixels = batch.decoded(model)
            count += self._fill(batch, pictures, encoder.images, pixels)
            words = batch.missing_words(model)
            count += self._fill(batch, words, encoder.texts, [text for *_, text in words])
        for model, text_encoder in self._text_encoders.items():
            words = batch.missing_words(model)
            for is_query, encode in ((False, text_encoder.texts), (True, text_encoder.queries)):
                keys = [key for key in words if key[1] is is_query]
                count += self._fill(batch, keys, encode, [text for *_, text in keys])
        return count

    def _fill(
        self,
        batch: Batch,
        keys: Sequence[Picture | Words],
        encode: Callable[[Sequence[T]], Vectors],
        inputs: Sequence[T],
    ) -> int:
        """Encode inputs and give their vectors, or errors, to their keys; returns how many."""
        if not inputs:
            return 0
        try:
            with self._runtime.stats.timed("encode"), batch.forwarding.running():
                vectors = encode_each(encode, inputs)
        except Exception as error:
            if is_fatal(error):
                log.error("device_lost", error=repr(error))
                self._store.abandon()
            raise
        for key, vector in zip(keys, vectors, strict=True):
            batch.vectors[key] = _or_error(vector)
        return len(vectors)


def _or_error(vector: Vector | Exception) -> Vector | SightlineError:
    if isinstance(vector, SightlineError):
        return vector
    if isinstance(vector, Exception):
        log.warning("encoding_failed", error=repr(vector))
        return EncodingFailed("The model could not encode this input.")
    return vector


def _text_encoders(settings: Settings) -> list[TextEncoder]:
    """The local text model, where the settings name one."""
    if not settings.text_model_is_local:
        return []
    # Text models are not exported, so they have no int8.
    precision = "auto" if settings.precision == "int8" else settings.precision
    encoder = TextEncoder.load(
        settings.served_text_model, device=settings.device, precision=precision,
        batch_size=settings.batch_size,
    )  # fmt: skip
    encoder.warm_up()
    return [encoder]


def _suited_batch(encoder: ClipEncoder) -> int:
    """The batch that the device ends in `DEVICE_SECONDS`, between 8 and the encoder's own."""
    crop = encoder.preprocessing.crop
    grey = [np.zeros((crop, crop, 3), dtype=np.uint8)] * SMALLEST_BATCH
    started = time.perf_counter()
    encoder.images(grey)
    each = (time.perf_counter() - started) / SMALLEST_BATCH
    return max(SMALLEST_BATCH, min(encoder.batch_size, int(DEVICE_SECONDS / each)))
