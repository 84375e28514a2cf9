"""Filters on items: checked here, turned into SQL conditions here."""

import json
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import ColumnElement, and_, case, cast, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import Numeric

from db.errors import InvalidInput
from db.models import Item
from db.vocabulary import ItemKind


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Words = Annotated[list[Annotated[str, Field(max_length=1000)]], BeforeValidator(_as_list),
                  Field(max_length=100)]  # fmt: skip
NUMERAL = r"^-?\d{1,30}(\.\d{1,30})?$"
Number = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=30)]


class Range(BaseModel):
    """Bounds of a number; all that are given hold."""

    model_config = ConfigDict(extra="forbid")
    gt: Number | None = None
    gte: Number | None = None
    lt: Number | None = None
    lte: Number | None = None

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition on a numeric column."""
        bounds = [
            (self.gt, column.__gt__), (self.gte, column.__ge__),
            (self.lt, column.__lt__), (self.lte, column.__le__),
        ]  # fmt: skip
        return and_(
            column.is_not(None), *(test(value) for value, test in bounds if value is not None)
        )


Scalar = str | bool | int | float | None


class Filters(BaseModel):
    """What an item must fulfil: every given field holds. An unknown field is an error."""

    model_config = ConfigDict(extra="forbid")
    category: Words | None = None
    tags: Words | None = None
    price: Range | None = None
    currency: Annotated[str, Field(max_length=10)] | None = None
    kind: Annotated[list[ItemKind], BeforeValidator(_as_list)] | None = None
    document_id: Annotated[str, Field(max_length=255)] | None = None
    attributes: dict[str, Range | Scalar | list[Scalar]] | None = None

    @classmethod
    def parse(cls, value: Any) -> "Filters":
        """From a JSON object, or its text in a query string. Raises InvalidInput with pointers."""
        try:
            if value is None:
                return cls()
            return cls.model_validate(json.loads(value) if isinstance(value, str) else value)
        except ValidationError as error:
            raise InvalidInput(
                "The filters are not valid.",
                [{"pointer": "/filters/" + "/".join(str(part) for part in problem["loc"]),
                  "code": problem["type"], "detail": problem["msg"]}
                 for problem in error.errors(include_url=False)],
            ) from error  # fmt: skip
        except (ValueError, RecursionError) as error:
            raise InvalidInput("`filters` is no JSON object.") from error

    @property
    def empty(self) -> bool:
        """Whether everything matches."""
        return not self.model_dump(exclude_none=True)

    def as_json(self) -> dict[str, Any]:
        """As it is echoed in results: numbers as numbers."""
        return _plain(self.model_dump(exclude_none=True))  # type: ignore[no-any-return]

    def conditions(self) -> list[ColumnElement[bool]]:
        """The SQL conditions on `items`."""
        made: list[ColumnElement[bool]] = []
        if self.category is not None:
            made.append(Item.category.in_(self.category))
        if self.tags:
            made.append(Item.tags.contains(self.tags))
        if self.price is not None:
            made.append(self.price.on(Item.price.expression))
        if self.currency is not None:
            made.append(or_(Item.currency.is_(None), Item.currency == self.currency))
        if self.kind is not None:
            made.append(Item.kind.in_(self.kind))
        if self.document_id is not None:
            made.append(Item.document_id == self.document_id)
        for name, wanted in (self.attributes or {}).items():
            made.append(_attribute(name, wanted))
        return made


def _attribute(name: str, wanted: Range | Scalar | list[Scalar]) -> ColumnElement[bool]:
    if isinstance(wanted, Range):
        value = Item.attributes[name]
        # A CSV holds words alone: "4.5" counts as the number that it spells.
        number = case(
            (func.jsonb_typeof(value) == "number", cast(value.astext, Numeric)),
            (value.astext.regexp_match(NUMERAL), cast(value.astext, Numeric)),
            else_=None,
        )
        return wanted.on(number)
    choices = wanted if isinstance(wanted, list) else [wanted]
    if not choices:
        return literal(False)
    return or_(*(Item.attributes.contains(cast({name: choice}, JSONB)) for choice in choices))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
