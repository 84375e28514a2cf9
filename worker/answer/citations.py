"""Checks a model's answer against what it was sent: ids that it did not get are dropped."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.errors import AnswerMalformed
from worker.answer.prompt import Source

NOTHING = "Nothing that was found answers the question."
MARKER = re.compile(r"[ \t]*\[\s*(S?\d{1,9}(?:\s*[,;]\s*S?\d{1,9})*)\s*\]")


@dataclass(frozen=True)
class Ranked:
    """One source in the model's order."""

    item_id: str
    fits: bool
    explanation: str


@dataclass(frozen=True)
class Checked:
    """An answer that may be shown: `cited` are numbers of sources, in order, each once."""

    relevant: bool
    answer: str
    cited: tuple[int, ...]
    ranking: tuple[Ranked, ...]


def checked(data: Mapping[str, Any], sources: Sequence[Source]) -> Checked:
    """The reply to an answer or a rank prompt, with `[S1]` written as `[1]` where S1 was sent.

    Cited is what the list or a marker names, and of a ranking what fits. An answer that nothing
    is relevant cites nothing. Raises AnswerMalformed for an empty answer that claims relevance.
    """
    if not data["relevant"]:
        answer, _ = _marked(data["answer"], {})
        return Checked(False, answer or NOTHING, (), ())
    sent = {source.id: source for source in sources}
    answer, marked = _marked(data["answer"], sent)
    if not answer:
        raise AnswerMalformed("The model called something relevant and answered nothing.")
    entries = _first_of_each(data.get("ranking", []), sent)
    ranking = tuple(
        Ranked(sent[entry["id"]].item_id, entry["fits"], entry["explanation"].strip())
        for entry in entries
    )
    named = [*data.get("citations", []), *(entry["id"] for entry in entries if entry["fits"])]
    return Checked(True, answer, _numbers([*named, *marked], sent), ranking)


def _marked(answer: str, sent: Mapping[str, Source]) -> tuple[str, list[str]]:
    """The answer with its markers checked, and the ids that they name."""
    found: list[str] = []

    def shown(match: re.Match[str]) -> str:
        ids = [_id(name) for name in re.split(r"[,;]", match[1])]
        known = [name for name in ids if name in sent]
        found.extend(known)
        gap = " " if match[0][0] in " \t" and known else ""
        return gap + "".join(f"[{sent[name].number}]" for name in known)

    return MARKER.sub(shown, answer).strip(), found


def _id(name: str) -> str:
    """A source's id from `S1`, ` s1 ` or `1`: models leave the letter out now and then."""
    return f"S{int(name.strip().lstrip('S'))}"


def _numbers(ids: Iterable[str], sent: Mapping[str, Source]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(sent[name].number for name in ids if name in sent))


def _first_of_each(
    entries: Sequence[Mapping[str, Any]], sent: Mapping[str, Source]
) -> list[Mapping[str, Any]]:
    first: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        if entry["id"] in sent:
            first.setdefault(entry["id"], entry)
    return list(first.values())
