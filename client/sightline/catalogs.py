"""Catalogs, items and documents: made, listed, read, changed and deleted."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sightline.nouns import Noun, given, path_of
from sightline.types import Catalog, Document, Filters, Item, Job


class Catalogs(Noun):
    """The methods about catalogs and what they hold."""

    def catalogs(self) -> list[Catalog]:
        """All catalogs by name, without counts."""
        return list(self._http.pages(path_of("catalogs")))

    def catalog(self, catalog: str) -> Catalog:
        """A catalog with its counts. Raises NotFound."""
        return cast(Catalog, self._http.call("GET", path_of("catalogs", catalog)))

    def put_catalog(self, catalog: str, **settings: str) -> Catalog:
        """Create or update a catalog: `description`, `image_model`, `text_model`."""
        path = path_of("catalogs", catalog)
        return cast(Catalog, self._http.call("PUT", path, json=settings))

    def delete_catalog(self, catalog: str) -> None:
        """Delete a catalog with all that it holds. Raises NotFound."""
        self._http.call("DELETE", path_of("catalogs", catalog))

    def put_second_model(self, catalog: str, image_model: str, *, switch: str = "auto") -> Job:
        """Embed the catalog with another model too; `auto` searches with it once it covers all."""
        path = path_of("catalogs", catalog, "second-model")
        body = {"image_model": image_model, "switch": switch}
        return cast(Job, self._http.call("PUT", path, json=body))

    def switch_model(self, catalog: str, *, incomplete: bool = False) -> Catalog:
        """Search with the second model from now on, or back. Raises Conflict while it lacks pictures."""
        path = path_of("catalogs", catalog, "second-model", "switch")
        body = {"incomplete": incomplete}
        return cast(Catalog, self._http.call("POST", path, json=body, is_repeatable=False))

    def delete_second_model(self, catalog: str) -> None:
        """Drop the model that is not searched with, and its vectors. Raises NotFound."""
        self._http.call("DELETE", path_of("catalogs", catalog, "second-model"))

    def items(
        self, catalog: str, limit: int | None = None, *, filters: Filters | None = None
    ) -> Iterator[Item]:
        """The items that match, in the order in which they came, read page by page."""
        params = {"filters": json.dumps(dict(filters))} if filters else None
        return self._http.pages(path_of("catalogs", catalog, "items"), params, limit)

    def item(self, catalog: str, item_id: str) -> Item:
        """An item with its metadata. Raises NotFound."""
        return cast(Item, self._http.call("GET", path_of("catalogs", catalog, "items", item_id)))

    def add_item(
        self,
        catalog: str,
        *,
        image: Path | str | bytes | None = None,
        image_url: str | None = None,
        text: str | None = None,
        wait: int = 0,
        **fields: Any,
    ) -> Job:
        """Put one item: a picture (a file's path, or bytes), a picture's address, or a text.

        `fields` are its metadata: `id`, `name`, `caption`, `description`, `category`, `tags`,
        `price`, `currency`, `attributes`. Returns the job, ended if it ends within `wait` seconds.
        """
        data = Path(image).read_bytes() if isinstance(image, Path | str) else image
        encoded = base64.b64encode(data).decode() if data is not None else None
        body = given(image_base64=encoded, image_url=image_url, text=text) | fields
        path = path_of("catalogs", catalog, "items")
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        return cast(Job, self._http.submit(path, json=body, headers=headers))

    def change_item(self, catalog: str, item_id: str, **fields: Any) -> Item:
        """Change metadata; what is not given stays. The picture is not embedded again."""
        path = path_of("catalogs", catalog, "items", item_id)
        return cast(Item, self._http.call("PATCH", path, json=fields))

    def delete_item(self, catalog: str, item_id: str) -> None:
        """Delete an item with its embedding. Raises NotFound."""
        self._http.call("DELETE", path_of("catalogs", catalog, "items", item_id))

    def picture(self, catalog: str, item_id: str, size: str = "full") -> bytes:
        """The bytes of an item's picture, JPEG or PNG; `size="thumbnail"` fits 256 pixels."""
        path = path_of("catalogs", catalog, "items", item_id) + "/image"
        params = {"size": size} if size != "full" else None
        return self._http.send("GET", path, params=params).content

    def picture_url(self, catalog: str, item_id: str) -> str:
        """Where an item's picture is served, to whoever shows a key where one is needed."""
        return self._http.url + path_of("catalogs", catalog, "items", item_id) + "/image"

    def documents(self, catalog: str) -> list[Document]:
        """All documents of a catalog, by id."""
        return list(self._http.pages(path_of("catalogs", catalog, "documents")))

    def document(self, catalog: str, document_id: str) -> Document:
        """A document. Raises NotFound."""
        path = path_of("catalogs", catalog, "documents", document_id)
        return cast(Document, self._http.call("GET", path))

    def delete_document(self, catalog: str, document_id: str) -> None:
        """Delete a document with its items. Raises NotFound."""
        self._http.call("DELETE", path_of("catalogs", catalog, "documents", document_id))

    def add_document(
        self,
        catalog: str,
        path: Path | str,
        *,
        id: str | None = None,
        title: str | None = None,
        category: str | None = None,
        tags: Sequence[str] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> Job:
        """Upload a PDF or a deck, streamed; returns the job that reads it page by page.

        The job's `progress` is `{"pages": 6, "read": 2}`, None until it was opened.
        """
        path = Path(path)
        fields = given(
            id=id,
            title=title,
            category=category,
            tags=json.dumps(list(tags)) if tags else None,
            attributes=json.dumps(dict(attributes)) if attributes else None,
        )
        with path.open("rb") as file:

            def make() -> dict[str, Any]:
                file.seek(0)
                return {"data": fields, "files": {"file": (path.name, file)}}

            route = path_of("catalogs", catalog, "documents")
            return cast(Job, self._http.submit(route, make=make))
