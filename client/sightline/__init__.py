"""The Python client of Sightline."""

from sightline.client import Job, Sightline, SightlineProblem

__all__ = ["Job", "Sightline", "SightlineProblem"]
