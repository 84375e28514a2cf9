"""Search by words on questions with known answers: the words' list against Postgres's plain AND."""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Connection, text

from benchmarks.report import Figure, at_least
from db import catalogs, search
from db.catalogs import Catalog
from db.embedded import Postgres
from db.filters import Filters
from db.session import Database
from migrations.__main__ import migrate
from tests.integration.question_pairs import Document, documents

DISTRACTORS = 2_500
AND = """
    SELECT external_id FROM items, plainto_tsquery('english', :words) AS query
    WHERE catalog_id = :catalog AND tsv @@ query ORDER BY ts_rank(tsv, query) DESC, id LIMIT 10"""
OR = """
    SELECT external_id FROM items, CAST(replace(
        CAST(plainto_tsquery('english', :words) AS text), ' & ', ' | ') AS tsquery) AS query
    WHERE catalog_id = :catalog AND tsv @@ query ORDER BY ts_rank(tsv, query) DESC, id LIMIT 10"""
Ranker = Callable[[str], Sequence[str]]


def run(quick: bool) -> list[Figure]:
    """146 questions to 73 documents among 2,500 that are made of the same words."""
    written = documents()
    with postgres() as database, database.begin() as connection:
        catalog = filled(connection, written, DISTRACTORS // 10 if quick else DISTRACTORS)
        scored = {
            "the words' list": quality(written, by_list(connection, catalog)),
            "plain OR": quality(written, by_statement(connection, catalog, OR)),
            "plain AND": quality(written, by_statement(connection, catalog, AND)),
        }
    ours, others = scored.pop("the words' list"), scored
    bound = max(other["hit@10"] for other in others.values())
    return [
        at_least("the words' list, hit@10", ours.pop("hit@10"), bound),
        *(Figure(f"the words' list, {measure}", value, "") for measure, value in ours.items()),
        *(Figure(f"{name}, {measure}", value, "")
          for name, measures in others.items() for measure, value in measures.items()),
    ]  # fmt: skip


@contextmanager
def postgres() -> Iterator[Database]:
    """An empty, migrated database in a folder that is removed afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder,
        Postgres(Path(folder)) as server,
    ):
        migrate(server.url)
        database = Database(server.url, pool_size=1)
        yield database
        database.close()


def filled(connection: Connection, written: Sequence[Document], distractors: int) -> Catalog:
    """A catalog of the documents, `d0` and so on, strewn among the distractors."""
    catalogs.put(connection, 1, "manuals", description=None, image_model="none", text_model="none")
    catalog = catalogs.get(connection, 1, "manuals")
    rows = [(f"d{n}", document.name, document.text) for n, document in enumerate(written)]
    rows += [(f"x{n}", *made) for n, made in enumerate(recombined(written, distractors))]
    random.Random(3).shuffle(rows)
    connection.execute(
        text("""INSERT INTO items (tenant_id, catalog_id, external_id, kind, name, text)
                VALUES (1, :catalog, :id, 'text', :name, :text)"""),
        [{"catalog": catalog.id, "id": key, "name": name, "text": body}
         for key, name, body in rows],
    )  # fmt: skip
    return catalog


def recombined(written: Sequence[Document], count: int) -> Iterator[tuple[str, str]]:
    """Names and texts in which each word follows one that it follows in a real document."""
    drawn = random.Random(7)
    texts = [document.text.split() for document in written]
    words = [word for one in texts for word in one]
    names = [word for document in written for word in document.name.split()]
    follow: dict[str, list[str]] = {}
    for one in texts:
        for word, after in pairwise(one):
            follow.setdefault(word, []).append(after)
    for _ in range(count):
        made = [drawn.choice(words)]
        while len(made) < 60:
            made.append(drawn.choice(follow.get(made[-1], words)))
        yield " ".join(drawn.sample(names, 3)), " ".join(made)


def by_list(connection: Connection, catalog: Catalog) -> Ranker:
    """As a search ranks by words alone."""

    def ranked(question: str) -> list[str]:
        asked = search.Query(question, None, None, Filters())
        return [hit.item.external_id for hit in search.find(connection, 1, catalog, asked)]

    return ranked


def by_statement(connection: Connection, catalog: Catalog, statement: str) -> Ranker:
    """As a statement over all the catalog's items ranks."""

    def ranked(question: str) -> Sequence[str]:
        values = {"words": question, "catalog": catalog.id}
        return connection.execute(text(statement), values).scalars().all()

    return ranked


def quality(written: Sequence[Document], ranked: Ranker) -> dict[str, float]:
    """Hit@10, hit@1 and the mean reciprocal rank within ten, over all questions."""
    places = []
    for number, document in enumerate(written):
        for question in document.questions:
            found = list(ranked(question))
            places.append(found.index(f"d{number}") + 1 if f"d{number}" in found else 0)
    return {
        "hit@10": sum(place > 0 for place in places) / len(places),
        "hit@1": sum(place == 1 for place in places) / len(places),
        "MRR": sum(1 / place for place in places if place) / len(places),
    }
