"""Importers: each turns files that people have into records; `recognise` finds the right one."""

from sightline.importers.recognise import FORMATS, recognise
from sightline.importers.record import Bad, Importer, Picture, Record, Unrecognised

__all__ = ["FORMATS", "Bad", "Importer", "Picture", "Record", "Unrecognised", "recognise"]
