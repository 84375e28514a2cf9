"""Importers on small files as shops and data sets have them: what is recognised, what becomes of it."""

import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sightline.importers import Bad, Record, Unrecognised, prices, recognise
from sightline.importers.plain_text import plain_text
from sightline.importers.record import Unusable, id_of
from sightline.importers.xml import RefusedXml, elements

from tests.client.drawn import picture, write

JPEG = picture(1)

SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Image Position,Image Alt Text,Status
red-boot,Red boot,"<p>Warm &amp; dry.</p><ul><li>Leather</li><li>Wool</li></ul><script>x()</script>",Acme,Apparel > Shoes,Boots,"winter, leather",TRUE,Size,41,RB-41,89.90,https://cdn.example/red-2.jpg?v=1,2,Side,active
red-boot,,,,,,,,,42,RB-42,"1,099.00",https://cdn.example/red-1.jpg?v=1,1,Front,
red-boot,,,,,,,,,43,RB-43,89.90,,,,
gift-card,Gift card,<p>A card</p>,Acme,,,,TRUE,Title,Default Title,,10.00,,,,active
,No handle,,,,,,,,,,,,,,
"""

NEW_SHOPIFY = """\
Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Price,Product image URL,Image position,Image alt text
Blue hat,blue-hat,<b>Soft</b>,Acme,Apparel & Accessories > Hats,,,TRUE,Active,BH,20,https://cdn.example/hat.jpg,1,A hat
"""

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
<item>
  <title>ignored for g:title</title><g:title>Red &lt;b&gt;boot&lt;/b&gt; &amp; laces</g:title>
  <g:id>sku/1</g:id><description><![CDATA[<p>Warm<br>dry</p>]]></description>
  <link>https://shop.example/1</link><g:image_link>https://cdn.example/1.jpg</g:image_link>
  <g:additional_image_link>https://cdn.example/1b.jpg</g:additional_image_link>
  <g:additional_image_link>https://cdn.example/1c.jpg</g:additional_image_link>
  <g:price>19.99 USD</g:price><g:sale_price>15 USD</g:sale_price>
  <g:product_type>Shoes &gt; Boots</g:product_type><g:brand>Acme</g:brand>
  <g:shipping><g:country>US</g:country><g:price>5.00 USD</g:price></g:shipping>
</item>
<item><title>Lost</title></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><g:id>a1</g:id><title>Lamp</title><g:price>1.299,00 EUR</g:price>
<g:image_link>https://cdn.example/lamp.jpg</g:image_link></entry></feed>"""

TSV = (
    "id\ttitle\timage link\tadditional image link\tprice\tavailability\n"
    "7\tMug\thttps://cdn.example/m.jpg\thttps://cdn.example/n.jpg,https://cdn.example/o.jpg\t$4.50\tin stock\n"
)


def records(path: Path, **more: Any) -> list[Record | Bad]:
    source = recognise(path, **more)
    try:
        found = list(source.records())
        assert [one.where for one in source.records()] == [one.where for one in found]
        return found
    finally:
        source.close()


def good(path: Path, **more: Any) -> list[Record]:
    found = records(path, **more)
    assert all(isinstance(one, Record) for one in found), found
    return [one for one in found if isinstance(one, Record)]


class TestFolder:
    def test_names_become_captions_and_folders_categories(self, tmp_path: Path) -> None:
        write(tmp_path, "red-boot_02.jpg", JPEG)
        write(tmp_path, "hats/winter/Blue+hat.v2.PNG", picture(2, "PNG"))
        write(tmp_path, "notes.txt", "no picture")
        write(tmp_path, ".hidden/x.jpg", JPEG)
        write(tmp_path, "._red-boot_02.jpg", b"a system's own")
        boot, hat = good(tmp_path)
        assert boot.fields == {"id": "red-boot_02.jpg", "caption": "red boot 02"}
        assert hat.fields == {"id": "hats:winter:Blue+hat.v2.PNG", "caption": "Blue hat v2",
                              "category": "hats/winter"}  # fmt: skip
        assert boot.picture is not None and boot.picture.read() == JPEG

    def test_a_link_out_of_the_folder_is_not_followed(self, tmp_path: Path) -> None:
        outside = write(tmp_path, "outside/secret.jpg", JPEG)
        write(tmp_path, "in/own.jpg", JPEG)
        (tmp_path / "in/link.jpg").symlink_to(outside)
        (tmp_path / "in/loop.jpg").symlink_to(tmp_path / "in/loop.jpg")
        found = {one.where: one for one in records(tmp_path / "in")}
        link, loop = found["link.jpg"], found["loop.jpg"]
        assert isinstance(link, Bad) and link.code == "unsafe_name"
        assert isinstance(loop, Bad)
        assert isinstance(found["own.jpg"], Record)

    def test_what_is_no_picture_does_not_leave_the_machine(self, tmp_path: Path) -> None:
        write(tmp_path, "a.jpg", "root:x:0:0")
        (only,) = good(tmp_path)
        assert only.picture is not None
        with pytest.raises(Unusable) as raised:
            only.picture.read()
        assert raised.value.code == "unsupported_image"

    def test_a_picture_without_end_is_not_read_to_its_end(self, tmp_path: Path) -> None:
        with write(tmp_path, "a.jpg", JPEG).open("r+b") as file:
            file.truncate(10 * 1024**3)
        (only,) = good(tmp_path)
        assert only.picture is not None
        with pytest.raises(Unusable) as raised:
            only.picture.read()
        assert raised.value.code == "image_too_large"

    def test_a_zip_of_pictures_is_as_its_folder(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
            archive.writestr("photos/hats/a.jpg", JPEG)
            archive.writestr("photos/b.jpg", JPEG)
            archive.writestr("__MACOSX/photos/._b.jpg", b"x")
        assert [one.id for one in good(tmp_path / "p.zip")] == ["b.jpg", "hats:a.jpg"]

    def test_a_folder_without_pictures_says_what_is_taken(self, tmp_path: Path) -> None:
        write(tmp_path, "a.txt", "x")
        with pytest.raises(Unrecognised, match=r"holds no pictures.*Shopify"):
            recognise(tmp_path)


class TestHuggingFace:
    def test_rows_name_files_below_their_own_folder(self, tmp_path: Path) -> None:
        write(tmp_path, "train/metadata.jsonl",
              '{"file_name": "a.jpg", "text": "A red boot", "label": 3}\n\n'
              '{"file_name": "gone.jpg"}\n{"text": "no file"}\nnot json\n'
              '{"file_name": "../../etc/passwd"}\n')  # fmt: skip
        write(tmp_path, "train/a.jpg", JPEG)
        first, *rest = records(tmp_path)
        assert isinstance(first, Record)
        assert first.fields == {"id": "train:a.jpg", "caption": "A red boot",
                                "attributes": {"label": 3}}  # fmt: skip
        assert [one.code for one in rest if isinstance(one, Bad)] == [
            "file_missing", "invalid_manifest_line", "invalid_manifest_line", "unsafe_name"]  # fmt: skip

    def test_a_csv_does_too_and_the_file_itself_may_be_named(self, tmp_path: Path) -> None:
        write(tmp_path, "metadata.csv", "file_name,caption,artist\na.jpg,Sea,Ann\n")
        write(tmp_path, "a.jpg", JPEG)
        for source in (tmp_path, tmp_path / "metadata.csv"):
            (only,) = good(source)
            assert only.fields["attributes"] == {"artist": "Ann"}
            assert only.fields["caption"] == "Sea"


class TestManifests:
    def test_lines_are_items_and_get_an_id_where_they_have_none(self, tmp_path: Path) -> None:
        write(tmp_path, "manifest.jsonl",
              '\ufeff{"id": 7, "image": "p/a.jpg", "price": "19.99 USD"}\n'
              '{"image": "p\\\\a.jpg"}\n{"text": "words", "unknown": 1}\n'
              '{"id": "x", "image": "p/a.jpg", "text": "both"}\n[1]\n')  # fmt: skip
        write(tmp_path, "p/a.jpg", JPEG)
        one, two, three, both, wrong = records(tmp_path)
        assert isinstance(one, Record) and isinstance(two, Record) and isinstance(three, Record)
        assert one.fields == {"id": "7", "price": 19.99, "currency": "USD"}
        assert two.id == "p:a.jpg"
        assert three.id.startswith("text-") and three.fields["unknown"] == 1
        assert isinstance(both, Bad) and both.item_id == "x" and both.where == "line 4"
        assert isinstance(wrong, Bad) and wrong.where == "line 5"

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_a_csv_has_tags_and_its_other_columns_are_attributes(
        self, tmp_path: Path, delimiter: str
    ) -> None:
        rows = [["id", "image", "tags", "stars", "price"], ["a", "a.jpg", "x| y ", "5", "3"]]
        path = write(tmp_path, "mine.csv", "\r\n".join(delimiter.join(row) for row in rows))
        write(tmp_path, "a.jpg", JPEG)
        (only,) = good(path)
        assert only.fields == {"id": "a", "tags": ["x", "y"], "price": 3.0,
                               "attributes": {"stars": "5"}}  # fmt: skip
        mapping = dict(recognise(path).mapping())
        assert mapping["stars"] == "attributes: stars" and mapping["image"] == "the picture's file"

    def test_a_csv_row_that_is_broken_is_told_alone(self, tmp_path: Path) -> None:
        path = write(tmp_path, "m.csv", 'id,text\na,one,two,three\nb,"two\nlines"\n')
        bad, row = records(path)
        assert isinstance(bad, Bad) and bad.where == "line 2"
        assert isinstance(row, Record) and row.text == "two\nlines"

    def test_a_zip_with_a_manifest_in_its_one_folder(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
            archive.writestr("shop/manifest.jsonl", json.dumps({"id": "a", "image": "i/a.jpg"}))
            archive.writestr("shop/i/a.jpg", JPEG)
        (only,) = good(tmp_path / "c.zip")
        assert only.picture is not None

    def test_a_manifest_cannot_send_files_from_elsewhere(self, tmp_path: Path) -> None:
        write(tmp_path, "secret.jpg", JPEG)
        names = ["../secret.jpg", str(tmp_path / "secret.jpg"), "a/../../secret.jpg", "x\0.jpg"]
        lines = [json.dumps({"id": str(n), "image": name}) for n, name in enumerate(names)]
        path = write(tmp_path, "in/manifest.jsonl", "\n".join(lines))
        codes = [one.code for one in records(path) if isinstance(one, Bad)]
        assert codes == ["unsafe_name", "unsafe_name", "unsafe_name", "file_missing"]


class TestShopify:
    def test_rows_of_a_handle_are_one_product_with_an_item_a_picture(self, tmp_path: Path) -> None:
        path = write(tmp_path, "products_export.csv", SHOPIFY)
        front, side, card, bad = records(path, currency="EUR")
        assert isinstance(front, Record) and isinstance(side, Record)
        assert front.image_url == "https://cdn.example/red-1.jpg?v=1"
        assert (front.id, side.id) == ("red-boot", "red-boot.2")
        assert front.fields["name"] == "Red boot" and front.fields["category"] == "Boots"
        assert front.fields["description"] == "Warm & dry.\nLeather\nWool"
        assert front.fields["tags"] == ["winter", "leather"]
        assert (front.fields["price"], front.fields["currency"]) == (89.9, "EUR")
        attributes = front.fields["attributes"]
        assert attributes["price_max"] == 1099.0 and attributes["product"] == "red-boot"
        assert attributes["variants"][1] == {"price": 1099.0, "sku": "RB-42", "size": "42"}
        assert isinstance(card, Record)
        assert card.text == "Gift card\nA card" and card.fields["attributes"]["variants"] == [
            {"price": 10.0}
        ]
        assert isinstance(bad, Bad) and "Handle" in bad.detail

    def test_the_newer_export_has_other_names_for_the_same(self, tmp_path: Path) -> None:
        (hat,) = good(write(tmp_path, "new.csv", NEW_SHOPIFY))
        assert (hat.id, hat.fields["category"], hat.fields["price"]) == ("blue-hat", "Hats", 20.0)
        assert hat.fields["description"] == "Soft" and "currency" not in hat.fields


class TestMerchant:
    def test_a_feed_of_rss(self, tmp_path: Path) -> None:
        first, second, third, lost = records(write(tmp_path, "feed.xml", RSS))
        assert isinstance(first, Record) and isinstance(second, Record)
        assert first.fields["name"] == "Red <b>boot</b> & laces"
        assert (first.id, second.id) == ("sku:1", "sku:1.2")
        assert (first.fields["price"], first.fields["currency"]) == (19.99, "USD")
        assert first.fields["category"] == "Shoes > Boots"
        assert first.fields["description"] == "Warm\ndry"
        attributes = first.fields["attributes"]
        assert attributes["brand"] == "Acme" and attributes["sale_price"] == 15.0
        assert "country" not in attributes and attributes["product"] == "sku:1"
        assert isinstance(third, Record) and third.image_url == "https://cdn.example/1c.jpg"
        assert isinstance(lost, Bad) and "no id" in lost.detail

    def test_a_feed_of_atom_and_one_of_tabs(self, tmp_path: Path) -> None:
        (lamp,) = good(write(tmp_path, "feed.atom", ATOM))
        assert (lamp.fields["price"], lamp.fields["currency"]) == (1299.0, "EUR")
        mugs = good(write(tmp_path, "feed.tsv", TSV))
        assert [one.id for one in mugs] == ["7", "7.2", "7.3"]
        assert mugs[0].fields["price"] == 4.5
        assert mugs[0].fields["attributes"]["availability"] == "in stock"

    @pytest.mark.parametrize(
        "head",
        [
            '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
            '<!DOCTYPE rss SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        ],
    )
    def test_a_document_type_is_refused_before_any_entity(self, tmp_path: Path, head: str) -> None:
        feed = RSS.replace('<rss version="2.0"', head + '<rss version="2.0"').replace("Acme", "&b;")
        with pytest.raises(Unrecognised, match="DOCTYPE"):
            recognise(write(tmp_path, "feed.xml", feed))

    def test_a_feed_that_breaks_off_keeps_what_came_before(self, tmp_path: Path) -> None:
        found = records(write(tmp_path, "feed.xml", RSS[: RSS.index("<item><title>Lost")]))
        assert len(found) == 4 and isinstance(found[-1], Bad) and found[-1].code == "broken_feed"

    def test_nesting_without_end_and_a_product_without_end_are_refused(
        self, tmp_path: Path
    ) -> None:
        deep = write(tmp_path, "deep.xml", "<a>" * 100_000)
        long = write(
            tmp_path, "long.xml", f"<rss><item><title>{'x' * 2_000_000}</title></item></rss>"
        )
        for path in (deep, long):
            with path.open("rb") as stream, pytest.raises(RefusedXml):
                list(elements(stream, {"item"}))


@pytest.mark.parametrize(
    ("words", "amount", "currency"),
    [
        ("19.99 USD", "19.99", "USD"), ("USD 19.99", "19.99", "USD"), ("$1,299.00", "1299.00", "USD"),
        ("1.299,00 €", "1299.00", "EUR"), ("1 299,50 EUR", "1299.50", "EUR"), ("19,9", "19.9", None),
        ("1,299", "1299", None), ("0.125 KWD", "0.125", "KWD"), ("£5", "5", "GBP"),
        ("12.345.678 eur", "12345678", "EUR"), ("20.", "20", None),
    ],
)  # fmt: skip
def test_a_price_is_read_as_people_write_it(words: str, amount: str, currency: str | None) -> None:
    found = prices.parsed(words)
    assert found == prices.Price(Decimal(amount), currency)


@pytest.mark.parametrize("words", ["", "free", "10-20 USD", "10 or 20", "-5 USD", "x" * 100, None])
def test_what_is_no_price_is_none(words: str | None) -> None:
    assert prices.parsed(words) is None


def test_words_that_are_no_price_are_kept_as_an_attribute() -> None:
    assert prices.fields_of("on request") == {"attributes": {"price_text": "on request"}}


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>One</p><p>Two&nbsp;three</p>", "One\nTwo three"),
        ("a<br/>b<style>p{}</style><script>alert(1)</script>", "a\nb"),
        ("no markup, 3 < 4 & 5", "no markup, 3 < 4 & 5"),
        ("<p> </p>", None),
        (None, None),
    ],
)
def test_html_becomes_the_words_in_it(html: str | None, words: str | None) -> None:
    assert plain_text(html) == words


@pytest.mark.parametrize("name", ["a/b.jpg", "..", ".", "é" * 400, "tab\tname", "x" * 251])
def test_any_name_makes_an_id_that_the_server_takes(name: str) -> None:
    from pydantic import TypeAdapter

    from db.fields import ItemId

    made = id_of(name) + ".99"
    assert TypeAdapter(ItemId).validate_python(made) == made
    assert id_of(name) == id_of(name) and id_of(name) != id_of(name + "2")


@pytest.mark.parametrize("name", ["a.docx", "b.parquet"])
def test_what_nobody_knows_is_refused_with_what_is_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unrecognised, match="Taken are"):
        recognise(write(tmp_path, name, "x"))


def test_other_xml_is_no_feed(tmp_path: Path) -> None:
    with pytest.raises(Unrecognised, match="without a product"):
        recognise(write(tmp_path, "x.xml", "<html><body/></html>"))
