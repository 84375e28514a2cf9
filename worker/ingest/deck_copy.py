"""Writes copies of a deck: one without its damaged parts, and one for LibreOffice to draw."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.oxml import serialize_part_xml
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.presentation import Presentation

NO_LINKS = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"/>'


def write_mended(path: Path, target: Path) -> None:
    """Copy a deck without the links to parts that are missing or cannot be parsed.

    One such part keeps python-pptx from opening the deck; without the link only what needs it fails.
    """
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        sound = {name for name in source.namelist() if _is_sound(name, source.read(name))}
        for name in source.namelist():
            data = source.read(name)
            if name.endswith(".rels"):
                data = _sound_links(name, data, sound) if name in sound else NO_LINKS
            out.writestr(name, data)


def _is_sound(name: str, data: bytes) -> bool:
    if not name.endswith((".xml", ".rels")):
        return True
    try:
        parse_xml(data)
    except SyntaxError:
        # lxml's own error is one.
        return False
    return True


def _sound_links(name: str, data: bytes, sound: set[str]) -> bytes:
    base = "/" + name.rpartition("_rels/")[0].rstrip("/")
    links = parse_xml(data)
    for link in list(links):
        inside = link.get("TargetMode") != "External"
        if inside and PackURI.from_rel_ref(base, link.get("Target")).membername not in sound:
            links.remove(link)
    return bytes(serialize_part_xml(links))


def write_drawable(presentation: Presentation, readable: Iterable[bool], target: Path) -> None:
    """Save a deck with its hidden slides shown, and without links that would fetch something.

    `readable` tells for each slide whether it is; the others are taken out. The presentation in
    memory is changed with it.
    """
    listed = presentation.element.xpath("./p:sldIdLst/p:sldId")
    for entry, good in zip(listed, readable, strict=True):
        if good:
            presentation.part.related_slide(entry.rId)._element.attrib.pop("show", None)
        else:
            presentation.element.sldIdLst.remove(entry)
    for part in presentation.part.package.iter_parts():
        _drop_fetched(part)
    presentation.save(str(target))


def _drop_fetched(part: Part) -> None:
    """A hyperlink waits for a click; every other link out of the deck is followed at once."""
    for key, link in list(part.rels.items()):
        if link.is_external and link.reltype != RELATIONSHIP_TYPE.HYPERLINK:
            part.rels.pop(key)
