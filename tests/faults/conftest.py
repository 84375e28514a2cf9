"""One stack for the fault tests; what each of them broke is whole again before the next."""

from collections.abc import Iterator

import pytest

from tests.faults import harness
from tests.faults.harness import Rig


@pytest.fixture(scope="session")
def _shared_rig() -> Iterator[Rig]:
    with harness.rig() as running:
        yield running


@pytest.fixture
def rig(_shared_rig: Rig) -> Iterator[Rig]:
    """A running stack that nothing harms yet."""
    _shared_rig.settle()
    yield _shared_rig
    _shared_rig.disarm()
