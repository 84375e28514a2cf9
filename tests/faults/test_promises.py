"""The promises of safety in their quick form; `make faults` runs the long one."""

import pytest

from tests.faults.harness import Rig
from tests.faults.promises import PROMISES, Promise


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_promise(rig: Rig, promise: Promise) -> None:
    tried = promise.quick(rig)
    assert tried.trials > 0
