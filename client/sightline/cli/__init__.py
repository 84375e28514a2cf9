"""`sightline`: the command line, one file per noun."""

from sightline.cli.main import main

__all__ = ["main"]
