"""What all tests share: nothing is written outside temporary folders, and `soak` as a real process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Soak

#: What a run leaves where it is started, if it is not told another place.
_LITTER = (".soak", "MUJOCO_LOG.TXT", "core")

#: Where planted defects leave threads behind in this process, as they are meant to: these tests come last,
#: since a process with threads must not fork.
_LAST = ("tests/canaries/", "tests/targets/test_runner", "tests/targets/test_interpreter")


# Under nohup the processes that tests start would ignore a lost terminal, as soak does then; and in a shell's
# background they would ignore Ctrl-C.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that leave threads behind the others."""
    items.sort(key=lambda item: any(part in item.path.as_posix() for part in _LAST))


@pytest.fixture(autouse=True)
def stay_in_temporary_folders(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The working directory and HOME are folders of the test's own, and the checkout stays clean."""
    before = [name for name in _LITTER if (ROOT / name).exists()]
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
    # Processes that a test starts import this checkout, wherever they run.
    path = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{path}" if path else str(ROOT))
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    yield
    litter = [name for name in _LITTER if (ROOT / name).exists() and name not in before]
    assert not litter, f"a test wrote {litter} into the checkout"
    assert not list(home.iterdir()), "a test wrote into HOME"


@pytest.fixture
def soak(tmp_path: Path) -> Iterator[Soak]:
    """`soak` on the command line; what it leaves running is killed when the test ends."""
    command = Soak(tmp_path)
    yield command
    command.end_all()
