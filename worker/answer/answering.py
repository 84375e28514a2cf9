"""Answers: retrieve, ask a provider with the pictures as evidence, check what it cites."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from db import catalogs, jobs, queue, retrieval
from db.catalogs import Catalog
from db.errors import ProviderError
from db.hits import Hit
from db.queue import Outcome
from db.retrieval import Asked
from db.vocabulary import TaskStatus
from worker.answer import citations, prompt, sources
from worker.answer.calls import Calls
from worker.answer.citations import Checked
from worker.answer.provider import Provider, Reply
from worker.runtime import Runtime

NO_PROVIDER = "No provider has a key here; set OPENAI_API_KEY or ANTHROPIC_API_KEY."
NOT_WANTED = "The request asked for sources alone."
CLOSEST = "The sources are the closest matches; no text among them speaks of it."
PASSAGES = 3
"""Passages that stand in for an answer where no model writes one."""
SHRINKS = (1, 2)
"""By what pictures are divided: one more call where a provider finds them too large."""


class Answering:
    """Answers one task's question; the vectors of the question were made by the steps before."""

    def __init__(self, runtime: Runtime, providers: Mapping[str, Provider]) -> None:
        self._runtime, self._providers = runtime, providers

    def run(self, calls: Calls) -> None:
        """Answer, and end the task. Raises ProviderError, Canceled, LeaseLost."""
        task = calls.task
        asked = Asked.of(task.request)
        with self._runtime.database.begin() as connection:
            catalog = catalogs.by_id(connection, task.tenant_id, task.catalog_id or 0)
            vectors = retrieval.known(connection, task.tenant_id, catalog, asked)
            hits = retrieval.hits(connection, task.tenant_id, catalog, asked, vectors)
        result = {"query": asked.echo()} | self._result(calls, catalog, hits)

        def end(connection: Connection) -> None:
            calls.settle(connection)
            jobs.set_result(connection, task.tenant_id, task.job_id, result)
            queue.finish(connection, calls.token, [Outcome(task, TaskStatus.SUCCEEDED)])

        self._runtime.commit(end)

    def _result(self, calls: Calls, catalog: Catalog, hits: Sequence[Hit]) -> dict[str, Any]:
        request = calls.task.request
        provider = self._providers.get(request["provider"])
        if provider is None:
            reason = NOT_WANTED if request.get("provider_named") else NO_PROVIDER
            return _retrieval_only(catalog, hits, reason)
        if not hits:
            return _generated(citations.NOTHING, [], provider=provider.name)
        checked, reply = self._ask(calls, provider, hits)
        return _answered(catalog, hits, checked, provider, reply)

    def _ask(self, calls: Calls, provider: Provider, hits: Sequence[Hit]) -> tuple[Checked, Reply]:
        """Ask; once more with smaller pictures where the provider finds the request too large."""
        for shrink in SHRINKS:
            try:
                return self._ask_once(calls, provider, hits, shrink)
            except ProviderError as error:
                if not error.too_large or shrink == SHRINKS[-1]:
                    raise
        raise AssertionError("the last try returns or raises")

    def _ask_once(
        self, calls: Calls, provider: Provider, hits: Sequence[Hit], shrink: int
    ) -> tuple[Checked, Reply]:
        task, request = calls.task, calls.task.request
        shown = sources.shown(self._runtime, task.tenant_id, hits, request["detail"], shrink)
        make = prompt.rank_prompt if request["style"] == "rank" else prompt.answer_prompt
        return calls.ask(
            provider, make(request["text"], shown), lambda data: citations.checked(data, shown),
            model=request.get("model"), max_output_tokens=request["max_output_tokens"],
            detail=request["detail"],
        )  # fmt: skip


def _answered(
    catalog: Catalog, hits: Sequence[Hit], checked: Checked, provider: Provider, reply: Reply
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "provider": provider.name,
        "model": reply.model,
        "usage": {"input_tokens": reply.usage.input_tokens,
                  "output_tokens": reply.usage.output_tokens},
        "finish_reason": reply.finish_reason,
    }  # fmt: skip
    ranking = [
        {"item_id": one.item_id, "fits": one.fits, "explanation": one.explanation}
        for one in checked.ranking
    ]
    if not checked.relevant:
        return _generated(checked.answer, [], **told)
    made = _generated(checked.answer, sources.listed(catalog, hits, checked.cited), **told)
    return made | ({"ranking": ranking} if ranking else {})


def _generated(
    answer: str, listed: list[dict[str, Any]], *, provider: str, model: str | None = None,
    usage: dict[str, int] | None = None, finish_reason: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A generated answer; without a model's name no call was made."""
    return {
        "mode": "generated",
        "reason": None,
        "answer": answer,
        "citations": [
            {"source": one["number"], "item_id": one["item"]["id"]}
            for one in listed
            if one["cited"]
        ],
        "sources": listed,
        "provider": provider,
        "model": model,
        "usage": usage,
        "finish_reason": finish_reason,
    }


def _retrieval_only(catalog: Catalog, hits: Sequence[Hit], reason: str) -> dict[str, Any]:
    """The sources and their best passages, where no model writes an answer.

    A passage must have been found by its words: a picture may look right and speak of other things.
    """
    passages = [
        f"[{number}] {hit.snippet}"
        for number, hit in enumerate(hits, 1)
        if hit.snippet and not hit.ranks.keys() <= {"image"}
    ]
    return {
        "mode": "retrieval_only",
        "reason": reason,
        "answer": "\n".join(passages[:PASSAGES]) or (CLOSEST if hits else citations.NOTHING),
        "citations": [],
        "sources": sources.listed(catalog, hits, ()),
        "provider": None,
        "model": None,
        "usage": None,
        "finish_reason": None,
    }
