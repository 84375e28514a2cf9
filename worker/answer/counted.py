"""Counts what is asked of providers: calls by how they ended, and the tokens that they bill."""

from dataclasses import dataclass
from typing import Any

from db import tracing
from db.errors import ProviderError
from db.vocabulary import OPENAI_PREFIX
from worker.answer.provider import Prompt, Provider, Reply, Usage
from worker.answer.vectors import TextVectors
from worker.batch import Batch
from worker.stats import Stats

ANSWERED = "answered"


@dataclass(frozen=True)
class Counted:
    """A provider whose calls are counted; else it is the provider itself."""

    provider: Provider
    stats: Stats

    @property
    def name(self) -> str:
        """The provider's own."""
        return self.provider.name

    @property
    def model(self) -> str:
        """The provider's own."""
        return self.provider.model

    @property
    def ends(self) -> str | None:
        """The provider's own."""
        return self.provider.ends

    def ask(self, prompt: Prompt, **options: Any) -> Reply:
        """Ask as Provider.ask says, and count the call. Raises ProviderError."""
        try:
            with self.stats.timed("provider"):
                reply = self.provider.ask(prompt, **options)
        except ProviderError as error:
            self._count(error.code, error.usage)
            raise
        self._count(ANSWERED, reply.usage)
        return reply

    def _count(self, outcome: str, usage: Usage | None) -> None:
        self.stats.add("provider_calls", label=f"{self.name}/{outcome}")
        if usage is not None:
            self.stats.add("provider_tokens", usage.input_tokens, f"{self.name}/input")
            self.stats.add("provider_tokens", usage.output_tokens, f"{self.name}/output")


class CountedTextVectors(TextVectors):
    """Text vectors whose calls are counted; the provider does not tell us their tokens."""

    def _embed(self, batch: Batch) -> None:
        missing = batch.missing_words(self._model)
        if not missing:
            return
        about: tracing.About = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": self._model.removeprefix(OPENAI_PREFIX),
            **batch.about,
        }
        with (
            self._runtime.stats.timed("provider"),
            tracing.span("forward", batch.claim.tasks, about, is_call=True) as told,
        ):
            super()._embed(batch)
            vector = batch.vectors[missing[0]]
            outcome = vector.code if isinstance(vector, ProviderError) else ANSWERED
            if outcome != ANSWERED:
                told[tracing.ERROR_TYPE] = outcome
        self._runtime.stats.add("provider_calls", label=f"openai-vectors/{outcome}")
