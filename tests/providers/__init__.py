"""A loopback server that speaks like OpenAI and Anthropic, and takes valid requests only."""

from tests.providers.plan import FAULTS, Fault, Planned
from tests.providers.reading import Seen, SeenPicture
from tests.providers.server import KEY, FakeProviders

__all__ = ["FAULTS", "KEY", "FakeProviders", "Fault", "Planned", "Seen", "SeenPicture"]
