"""How a process with guests ends, and what an interpreter costs, are as stated for this version."""

from __future__ import annotations

import pytest

from soak.targets.interpreter_exit import Situation, exit_with, stated_status
from soak.targets.interpreter_host import InterpreterHost
from soak.targets.interpreter_memory import kept_per_cycle, most_kept
from tests.targets.test_interpreters import OWN_GILS


@pytest.mark.parametrize("situation", Situation, ids=lambda situation: situation.name)
def test_a_process_ends_as_stated(situation: Situation) -> None:
    """In peace, unless this CPython is known to abort."""
    assert exit_with(situation, InterpreterHost) == stated_status(situation)


@pytest.mark.parametrize("own_gil", OWN_GILS)
def test_a_cycle_keeps_no_more_than_is_known(own_gil: bool) -> None:
    """Memory per create, exec and destroy is what CPython itself keeps, or nothing."""
    host = InterpreterHost(own_gil=own_gil)
    assert kept_per_cycle(host, "import json") <= most_kept(own_gil=own_gil)
    host.close()
