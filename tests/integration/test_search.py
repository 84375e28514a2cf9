"""Searches by words and by several lists fused, on a real Postgres."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from benchmarks import full_text
from db import catalogs, search
from db.catalogs import Catalog
from db.filters import Filters
from db.hits import Hit
from db.session import Database
from db.words import EACH
from tests.integration.question_pairs import documents

IMAGE, TEXT = "image-model", "text-model"
FIELDS = ("kind", "name", "caption", "description", "category", "tags", "price", "document_id",
          "page", "text")  # fmt: skip


class Shop:
    """A catalog of tenant 1 (or another), filled by plain statements."""

    def __init__(self, database: Database, name: str = "shop", tenant: int = 1) -> None:
        self.database, self.tenant = database, tenant
        with database.begin() as connection:
            catalogs.put(
                connection, tenant, name, description=None, image_model=IMAGE, text_model=TEXT
            )
            for model in (IMAGE, TEXT):
                space = connection.execute(
                    text("""INSERT INTO models AS m (name, revision, preprocessing, dimensions)
                            VALUES (:name, 'r', 1, 2)
                            ON CONFLICT (name, revision, preprocessing)
                            DO UPDATE SET dimensions = m.dimensions RETURNING id"""),
                    {"name": model},
                ).scalar_one()
                made = catalogs.get(connection, tenant, name)
                catalogs.set_model(connection, tenant, made.id, model, space)
            self.catalog: Catalog = catalogs.get(connection, tenant, name)

    def add(self, key: str, *, image: float | None = None, words: float | None = None,
            **fields: Any) -> int:  # fmt: skip
        """An item; `image` and `words` are the angles of its vectors in degrees."""
        row = {"tags": [], "kind": "image"} | fields
        names = [name for name in FIELDS if name in row]
        with self.database.begin() as connection:
            if "document_id" in row:
                connection.execute(
                    text("""INSERT INTO documents (tenant_id, catalog_id, id, sha256, media_type)
                            VALUES (:tenant, :catalog, :document_id, '', 'x')
                            ON CONFLICT DO NOTHING"""),
                    {"tenant": self.tenant, "catalog": self.catalog.id, **row},
                )
            number: int = connection.execute(
                text(f"""INSERT INTO items (tenant_id, catalog_id, external_id, {", ".join(names)})
                    VALUES (:tenant, :catalog, :key, {", ".join(":" + name for name in names)})
                    RETURNING id"""),
                {"tenant": self.tenant, "catalog": self.catalog.id, "key": key, **row},
            ).scalar_one()
            spaces = ((image, self.catalog.model_id), (words, self.catalog.text_model_id))
            for degrees, space in spaces:
                if degrees is not None:
                    connection.execute(
                        text("""INSERT INTO embeddings
                                (tenant_id, catalog_id, item_id, model_id, sha256, vector)
                                VALUES (:tenant, :catalog, :item, :space, '', :vector)"""),
                        {"tenant": self.tenant, "catalog": self.catalog.id, "item": number,
                         "space": space, "vector": str(angle(degrees).tolist())},
                    )  # fmt: skip
        return number

    def hits(self, words: str | None = None, *, image: float | None = None,
             text: float | None = None, limit: int = 10, exclude: int | None = None,
             **filters: Any) -> list[Hit]:  # fmt: skip
        asked = search.Query(
            words,
            None if image is None else angle(image),
            None if text is None else angle(text),
            Filters.parse(filters),
            limit,
            exclude,
        )
        with self.database.begin() as connection:
            return search.find(connection, self.tenant, self.catalog, asked)

    def find(self, words: str | None = None, **asked: Any) -> list[str]:
        return names_of(self.hits(words, **asked))


def names_of(found: Sequence[Hit]) -> list[str]:
    return [hit.item.external_id for hit in found]


def angle(degrees: float) -> search.Vector:
    radians = math.radians(degrees)
    return np.array([math.cos(radians), math.sin(radians)], dtype=np.float32)


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def test_any_of_the_words_will_do_and_more_of_them_are_better(shop: Shop) -> None:
    shop.add("kettle", description="A steel kettle")
    shop.add("both", description="A red kettle of steel")
    shop.add("lamp", description="A lamp of glass")
    assert shop.find("which red kettles are made for induction?") == ["both", "kettle"]


def test_a_name_weighs_more_than_a_caption_and_that_more_than_a_text(shop: Shop) -> None:
    shop.add("text", text="boot")
    shop.add("description", description="boot")
    shop.add("tag", tags=["boot"])
    shop.add("caption", caption="boot")
    shop.add("name", name="boot")
    found = shop.find("boots")
    assert found[0] == "name"
    assert set(found[1:3]) == {"tag", "caption"}
    assert set(found[3:]) == {"text", "description"}


def test_a_rarer_word_weighs_more(shop: Shop) -> None:
    for number in range(20):
        shop.add(f"shoe{number}", description="shoe")
    shop.add("last", description="gaiter")
    assert shop.find("shoe or gaiter")[0] == "last"
    assert shop.find("shoe gaiter")[0] == "last"


def test_quotes_demand_the_words_side_by_side(shop: Shop) -> None:
    shop.add("phrase", text="the red wine glass")
    shop.add("apart", text="wine that is red")
    assert shop.find('"red wine"') == ["phrase"]
    assert set(shop.find("red wine")) == {"phrase", "apart"}


def test_a_minus_forbids_a_word(shop: Shop) -> None:
    shop.add("leather", text="boots of leather")
    shop.add("rubber", text="boots of rubber")
    assert shop.find("boots -leather") == ["rubber"]
    assert shop.find("-leather") == []
    assert set(shop.find("all-leather boots")) == {"leather", "rubber"}


def test_quotes_a_minus_and_an_or_together(shop: Shop) -> None:
    shop.add("red", text="red wine from Spain")
    shop.add("white", text="white wine from Spain")
    shop.add("both", text="red wine and white wine")
    assert set(shop.find('"red wine" or "white wine"')) == {"red", "white", "both"}
    assert shop.find('"red wine" -"white wine"') == ["red"]
    assert shop.find('"red wine" "white wine"') == ["both"]
    assert shop.find('Spain "white wine"') == ["white"]


def test_an_or_puts_first_what_fits_it_and_loses_nothing(shop: Shop) -> None:
    shop.add("rubber boot", text="boots of rubber")
    shop.add("rubber sandal", text="rubber sandals, sandals and sandals of rubber")
    shop.add("leather sandal", text="sandals of leather")
    found = shop.find("leather sandals or rubber boots")
    assert set(found[:2]) == {"leather sandal", "rubber boot"}
    assert found[2:] == ["rubber sandal"]
    assert len(shop.find("may I return sandals or exchange them")) == 2


def test_one_rare_word_is_found_among_thousands_of_frequent_ones(shop: Shop) -> None:
    crowd(shop, 5 * EACH, "a red leather shoe for women")
    shop.add("rare", description="shoe zorblax")
    crowd(shop, EACH, "a red leather shoe for men")
    assert shop.find("red leather shoe zorblax", limit=1) == ["rare"]


def test_all_of_several_frequent_words_are_found_behind_thousands_of_each(shop: Shop) -> None:
    for word in ("red", "leather", "shoe"):
        crowd(shop, 2 * EACH, word)
    shop.add("all", description="red leather shoe")
    assert shop.find("red leather shoe", limit=1) == ["all"]


def crowd(shop: Shop, count: int, description: str) -> None:
    """Many items of the same words."""
    with shop.database.begin() as connection:
        connection.execute(
            text("""INSERT INTO items (tenant_id, catalog_id, external_id, description)
                    SELECT :tenant, :catalog, gen_random_uuid(), :description
                    FROM generate_series(1, :count)"""),
            {"tenant": shop.tenant, "catalog": shop.catalog.id, "description": description,
             "count": count},
        )  # fmt: skip


def test_reciprocal_ranks_of_three_lists_are_added(shop: Shop) -> None:
    shop.add("a", image=10, words=50, text="nothing")
    shop.add("b", image=20, words=10, text="a kettle among several things")
    shop.add("c", image=30, text="kettle")
    shop.add("d", words=20, text="nothing")
    found = {hit.item.external_id: hit.ranks for hit in shop.hits("kettle", image=0, text=0)}
    assert list(found.items()) == [
        ("b", {"image": 2, "text": 1, "words": 2}),  # 1/62 + 1/61 + 1/62 = 0.0487
        ("a", {"image": 1, "text": 3}),  # 1/61 + 1/63 = 0.0323; came before its equal
        ("c", {"image": 3, "words": 1}),  # 1/63 + 1/61 = 0.0323
        ("d", {"text": 2}),  # 1/62 = 0.0161
    ]


def test_the_score_is_the_cosine_of_the_picture_else_of_the_words(shop: Shop) -> None:
    shop.add("picture", image=60, words=10, text="kettle")
    shop.add("text", kind="text", words=30, text="kettle")
    shop.add("bare", kind="text", text="kettle")
    scores = {hit.item.external_id: hit.score for hit in shop.hits("kettle", image=0, text=0)}
    assert math.isclose(scores["picture"], math.cos(math.radians(60)), abs_tol=1e-3)
    assert math.isclose(scores["text"], math.cos(math.radians(30)), abs_tol=1e-3)
    assert 0 < scores["bare"] <= 1


def test_an_item_found_by_words_alone_still_tells_its_pictures_cosine(shop: Shop) -> None:
    for number in range(80):
        shop.add(f"near{number}", image=number / 10)
    shop.add("far", image=90, text="kettle")
    (far,) = [hit for hit in shop.hits("kettle", image=0) if hit.item.external_id == "far"]
    assert far.ranks == {"words": 1}
    assert abs(far.score) < 1e-3


@pytest.mark.parametrize("which", ["image", "text"])
def test_one_list_alone_keeps_its_exact_order(shop: Shop, which: str) -> None:
    degrees = np.random.default_rng(1).permutation(60)
    for number in degrees:
        side = {"image": number} if which == "image" else {"words": number}
        shop.add(f"{number}", **side)
    assert shop.find(**{which: 0.0}, limit=60) == [str(number) for number in range(60)]


def test_a_page_and_its_figures_take_one_place(shop: Shop) -> None:
    for number, kind in enumerate(["figure", "page", "figure", "figure"]):
        shop.add(f"{kind}{number}", image=number, kind=kind, document_id="doc", page=1)
    shop.add("next page", image=20, kind="page", document_id="doc", page=2)
    shop.add("other document", image=30, kind="page", document_id="other", page=1)
    shop.add("picture", image=40)
    shop.add("another picture", image=50)
    order = ["figure0", "next page", "other document", "picture", "another picture",
             "page1", "figure2", "figure3"]  # fmt: skip
    assert shop.find(image=0.0) == order
    assert shop.find(image=0.0, limit=7) == order[:7]


def test_two_chunks_of_a_page_keep_their_places_and_more_go_behind(shop: Shop) -> None:
    for number in range(4):
        shop.add(f"chunk{number}", words=number, kind="text", document_id="doc", page=1)
    shop.add("page", words=10, kind="page", document_id="doc", page=1)
    shop.add("elsewhere", words=20, kind="text", document_id="doc", page=2)
    for number in range(3):
        shop.add(f"no page {number}", words=30 + number, kind="text")
    assert shop.find(text=0.0) == [
        "chunk0", "chunk1", "page", "elsewhere", "no page 0", "no page 1", "no page 2",
        "chunk2", "chunk3",
    ]  # fmt: skip


LISTS = [{"image": 0.0}, {"text": 0.0}, {"words": "kettle"},
         {"image": 0.0, "text": 0.0, "words": "kettle"}]  # fmt: skip


@pytest.mark.parametrize("asked", LISTS)
def test_filters_hold_in_every_list(shop: Shop, asked: dict[str, Any]) -> None:
    for number in range(90):
        shop.add(f"{number}", image=number, words=number, text="kettle", price=number,
                 category="steel" if number % 30 == 29 else "glass")  # fmt: skip
    assert set(shop.find(**asked, category="steel")) == {"29", "59", "89"}
    assert shop.find(**asked, category="steel", price={"gte": 60}) == ["89"]
    assert len(shop.find(**asked, price={"gte": 20}, limit=70)) == 70
    assert shop.find(**asked, category="wood") == []


@pytest.mark.parametrize("asked", LISTS)
def test_the_item_itself_is_left_out(shop: Shop, asked: dict[str, Any]) -> None:
    itself = shop.add("itself", image=0, words=0, text="kettle", price=1)
    shop.add("other", image=1, words=1, text="kettle", price=1)
    assert shop.find(**asked, exclude=itself) == ["other"]
    assert shop.find(**asked, exclude=itself, price={"lt": 2}) == ["other"]


@pytest.mark.parametrize("asked", LISTS)
def test_tenants_and_catalogs_never_mix(shop: Shop, asked: dict[str, Any]) -> None:
    with shop.database.begin() as connection:
        other = connection.execute(
            text("""INSERT INTO tenants AS t (name) VALUES ('other') ON CONFLICT (name)
                    DO UPDATE SET name = t.name RETURNING id""")
        ).scalar_one()
    shops = [shop, Shop(shop.database, "second"), Shop(shop.database, "shop", other)]
    for number, one in enumerate(shops):
        one.add(f"{number}", image=0, words=0, text="kettle", price=1)
    for number, one in enumerate(shops):
        assert one.find(**asked) == [f"{number}"]
        assert one.find(**asked, price={"gte": 1}) == [f"{number}"]


def test_another_catalogs_key_cannot_be_typed(shop: Shop) -> None:
    second = Shop(shop.database, "second")
    shop.add("mine", text="kettle")
    second.add("theirs", text="kettle")
    assert shop.find(f"@{second.catalog.id}/kettle kettle") == ["mine"]


def test_the_snippet_shows_plain_words_around_the_match(shop: Shop) -> None:
    filler = " ".join(f"filler{number}" for number in range(200))
    shop.add("deep", text=f"{filler} the <b>spare</b> valve\nlies in the drawer {filler}")
    (hit,) = shop.hits("where are valves kept?")
    assert hit.snippet is not None
    assert "valve lies in the drawer" in hit.snippet
    assert "\x02" not in hit.snippet
    assert len(hit.snippet.split()) <= 32


def test_without_a_match_the_snippet_is_how_the_text_begins(shop: Shop) -> None:
    shop.add("long", image=0, description="many words " * 50)
    shop.add("unbroken", image=1, text="水" * 900)
    shop.add("bare", image=2, name="bare")
    long, unbroken, bare = shop.hits("kettle", image=0)
    assert long.snippet is not None
    assert long.snippet.startswith("many words many")
    assert 180 < len(long.snippet) <= 200
    assert unbroken.snippet == "水" * 200
    assert bare.snippet is None


def test_a_list_without_a_space_is_left_out(database: Database) -> None:
    with database.begin() as connection:
        catalogs.put(connection, 1, "new", description=None, image_model="m", text_model="none")
        catalog = catalogs.get(connection, 1, "new")
        asked = search.Query(None, angle(0), angle(0), Filters())
        assert search.find(connection, 1, catalog, asked) == []


def test_the_result_is_the_contracts(shop: Shop) -> None:
    shop.add("a b", image=0, text="kettle")
    result = search.result(shop.catalog, shop.hits("kettle", image=0), {"text": "kettle"})
    (hit,) = result.pop("hits")
    assert result == {"query": {"text": "kettle"}, "incomplete": False}
    assert set(hit) == {"item", "score", "ranks", "snippet", "urls"}
    assert hit["ranks"] == {"image": 1, "words": 1}
    assert hit["urls"]["self"] == "/v1/catalogs/shop/items/a%20b"


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    shop.add("a", image=0, words=0, text='it\'s a kettle\\, 50% off: "new"')
    return shop


SPECIAL = st.lists(
    st.sampled_from(
        ["kettle", '"', "'", "\\", "-", "!", "&", "|", "<->", "<2>", ":*", ":A", "(", ")", "or",
         "the", "@1/kettle", "%", "%s", ":words", "🫖", "\0", "\ud800", "http://a.b/c?d=e", "a@b.c",
         "-1.5e10", "<b>", "/usr/bin", "x" * 3000]
    )
).flatmap(lambda parts: st.sampled_from([" ".join(parts), "".join(parts)]))  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example("kettle " * 1_400)
@example("-" * 10_000 + "a")
@example('"' * 9_999)
@example(" ".join(f"word{number}" for number in range(1_400)))
@given(typed=st.one_of(st.text(), SPECIAL))
def test_no_words_ever_raise(stocked: Shop, typed: str) -> None:
    assert len(stocked.hits(typed)) <= 1
    assert stocked.find(typed, image=0.0) == ["a"]
    assert len(stocked.hits(typed, tags=["new"])) == 0


def test_words_that_hold_a_lexeme_with_a_quote_or_backslash_are_found(shop: Shop) -> None:
    shop.add("path", text="look into /usr/share/o'brien for it")
    assert shop.find("/usr/share/o'brien") == ["path"]


def test_questions_find_their_documents_better_than_by_plain_or(database: Database) -> None:
    written = documents()
    with database.begin() as connection:
        catalog = full_text.filled(connection, written, 250)
        ours = full_text.quality(written, full_text.by_list(connection, catalog))
        plain = full_text.quality(
            written, full_text.by_statement(connection, catalog, full_text.OR)
        )
    assert ours["hit@10"] > max(0.8, plain["hit@10"])
    assert ours["MRR"] > plain["MRR"]
