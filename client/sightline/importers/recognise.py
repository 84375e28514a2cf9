"""Finds out what a source is: by what a folder or ZIP holds, by a file's header or first line."""

from collections.abc import Callable
from pathlib import Path

from sightline.importers import merchant, shopify
from sightline.importers.files import Files, FolderFiles, ZipFiles
from sightline.importers.folder import FolderImporter, has_pictures
from sightline.importers.hugging_face import NAMES as METADATA
from sightline.importers.hugging_face import HuggingFaceImporter, metadata_of
from sightline.importers.manifests import NAMES as MANIFESTS
from sightline.importers.manifests import ManifestImporter, manifest_of
from sightline.importers.record import Importer, Unrecognised

Open = Callable[[Path, str | None], Importer]
TAKEN = (
    "Taken are: a folder or ZIP of pictures, with a manifest.jsonl or .csv or a Hugging Face "
    "metadata.jsonl if there is one; a manifest alone; a Shopify product CSV; a Google Merchant "
    "feed (XML or TSV); PDF and PPTX documents."
)
XML = (".xml", ".rss", ".atom")
TABLES = (".csv", ".tsv", ".txt")
LINES = (".jsonl", ".ndjson")


def _folder(path: Path, _: str | None) -> Importer:
    return FolderImporter(_files(path))


def _hugging_face(path: Path, _: str | None) -> Importer:
    if path.name in METADATA:
        path = path.parent
    files = _files(path)
    if not metadata_of(files):
        files.close()
        raise Unrecognised(f"{path} has no {' or '.join(METADATA)}.")
    return HuggingFaceImporter(files)


def _manifest(path: Path, _: str | None) -> Importer:
    if path.is_file() and path.suffix.lower() != ".zip":
        return ManifestImporter(FolderFiles(path.parent), path.name)
    files = _files(path)
    name = manifest_of(files)
    if name is None:
        files.close()
        raise Unrecognised(f"{path} has no {' or '.join(MANIFESTS)}.")
    return ManifestImporter(files, name)


def _merchant(path: Path, currency: str | None) -> Importer:
    return merchant.MerchantImporter(path, currency)


FORMATS: dict[str, Open] = {
    "folder": _folder,
    "huggingface": _hugging_face,
    "sightline": _manifest,
    "shopify": shopify.opened,
    "merchant": _merchant,
}
"""The words of `--as`."""


def recognise(path: Path, form: str | None = None, currency: str | None = None) -> Importer:
    """The importer of a source, by its content unless `form` names one of FORMATS.

    `currency` is for prices that tell none. Raises Unrecognised.
    """
    if not path.exists():
        raise Unrecognised(f"There is no {path}.")
    try:
        return FORMATS[form or _form_of(path)](path, currency)
    except OSError as error:
        raise Unrecognised(f"{path} cannot be read: {error.strerror or error}.") from error


def _form_of(path: Path) -> str:
    ending = path.suffix.lower()
    if path.is_dir() or ending == ".zip":
        return _form_of_files(path)
    if ending in LINES:
        return "huggingface" if path.name in METADATA else "sightline"
    if ending in (*XML, *TABLES):
        return _form_of_file(path)
    raise Unrecognised(f"{path} is nothing that can be imported. {TAKEN}")


def _form_of_files(path: Path) -> str:
    files = _files(path)
    try:
        if manifest_of(files):
            return "sightline"
        if metadata_of(files):
            return "huggingface"
        if has_pictures(files):
            return "folder"
    finally:
        files.close()
    raise Unrecognised(f"{path} holds no pictures. {TAKEN}")


def _form_of_file(path: Path) -> str:
    if path.name in METADATA:
        return "huggingface"
    if merchant.recognised(path):
        return "merchant"
    if path.suffix.lower() not in XML:
        return "shopify" if shopify.recognised(path) else "sightline"
    raise Unrecognised(f"{path} is XML without a product (an `item` or `entry`). {TAKEN}")


def _files(path: Path) -> Files:
    return FolderFiles(path) if path.is_dir() else ZipFiles(path)
