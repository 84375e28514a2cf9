"""Bodies are checked strictly, with a pointer to each field that is wrong."""

import base64

import pytest
from pydantic import ValidationError

from api import problems, schemas
from db.errors import ImageTooLarge, InvalidInput, UnsupportedImage

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 24


def found(model: type, value: dict) -> list[dict]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return problems.from_validation(caught.value, "wrong").errors


def test_an_unknown_field_is_named_by_its_pointer() -> None:
    errors = found(schemas.CatalogPut, {"descripton": "shoes"})
    assert [(e["pointer"], e["code"]) for e in errors] == [("/descripton", "extra_forbidden")]


def test_a_pointer_escapes_what_json_pointers_escape() -> None:
    assert problems.pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"


@pytest.mark.parametrize("value", [{}, {"text": "shoe", "item_id": "a"}])
def test_a_search_has_exactly_one_source(value: dict) -> None:
    assert found(schemas.SearchRequest, value)[0]["code"] == "one_of"


def test_a_file_cannot_be_slipped_in_through_json() -> None:
    assert found(schemas.SearchRequest, {"image": "abc"})[0]["pointer"] == "/image"
    assert "image" not in schemas.SearchRequest.model_json_schema()["properties"]


def test_an_unknown_filter_is_an_error() -> None:
    errors = found(schemas.SearchRequest, {"text": "shoe", "filters": {"colour": "red"}})
    assert errors[0]["pointer"] == "/filters/colour"


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc/passwd", "http://a b", "http://a\tb"])
def test_an_address_is_http_without_spaces(url: str) -> None:
    assert found(schemas.ItemCreate, {"image_url": url})[0]["pointer"] == "/image_url"


def test_a_pictures_bytes_are_judged_at_the_door() -> None:
    def of(data: bytes) -> schemas.ItemCreate:
        return schemas.ItemCreate(image_base64=base64.b64encode(data).decode())

    assert of(PNG).picture() == (PNG, "image/png")
    with pytest.raises(UnsupportedImage):
        of(b"<svg/>").picture()
    with pytest.raises(ImageTooLarge):
        of(PNG + b"\0" * 20 * 1024**2).picture()


def test_broken_base64_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        schemas.ItemCreate(image_base64="é!").picture()
    assert caught.value.errors[0]["code"] == "bad_base64"


def test_a_change_takes_no_id() -> None:
    assert found(schemas.ItemPatch, {"id": "other"})[0]["pointer"] == "/id"
    assert schemas.ItemPatch(price="9.5").model_dump(exclude_unset=True).keys() == {"price"}


def test_an_items_fields_leave_its_source_out() -> None:
    fields = schemas.ItemCreate(id="a", text="words", price="1.50").fields()
    assert fields.model_dump(exclude_unset=True, mode="json") == {"id": "a", "price": "1.50"}
