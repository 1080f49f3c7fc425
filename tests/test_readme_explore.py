"""The page "From a flaky test to a replaying race in five minutes" does what it says, word for word."""

from __future__ import annotations

import re
import shlex

from tests.cli.command import ROOT, Soak

_PAGE = re.search(
    r"## From a flaky test.*?```python\n(?P<shop>.*?)```.*?```console\n\$ (?P<command>.*?)\n(?P<said>.*?)```",
    (ROOT / "README.md").read_text(),
    re.DOTALL,
)
_BODY = re.compile(r"(?<=def buy\(self, customer\):\n)(?:        .*\n)+")


def test_the_race_of_the_page_is_found_and_replays(soak: Soak) -> None:
    """The command tells the story of the page, column by column; the line that it prints replays it."""
    assert _PAGE is not None
    (soak.folder / "shop.py").write_text(_PAGE["shop"])
    done = soak(*shlex.split(_PAGE["command"])[1:])
    assert done.code == 1, done.stdout + done.stderr
    said = done.stdout.splitlines()
    # The number of the schedule and the token are the Python version's own.
    assert said[1:-1] == _PAGE["said"].splitlines()[1:-1]
    assert said[0].endswith("; shrunk to 1 switch)")
    again = soak(*shlex.split(said[-1])[1:], "--json")
    assert again.code == 1, again.stderr
    assert again.document()["exact"] is True


def test_what_is_mended_is_clean(soak: Soak) -> None:
    """With the lock that the page names, nothing is found, and every single switch was tried."""
    assert _PAGE is not None
    source = _PAGE["shop"].replace("from concurrent", "import threading\nfrom concurrent", 1)
    source = source.replace(
        "        self.stock = 1\n", "        self.stock = 1\n        self.lock = threading.Lock()\n", 1
    )
    locked, count = _BODY.subn(
        lambda body: "        with self.lock:\n" + re.sub("(?m)^", "    ", body[0]), source
    )
    assert count == 1
    (soak.folder / "shop.py").write_text(locked)
    done = soak(*shlex.split(_PAGE["command"])[1:])
    assert done.code == 0, done.stdout + done.stderr
    covered = re.search(r"no failure in 500 schedules; (\d+) of (\d+) schedules that differ", done.stdout)
    assert covered is not None, done.stdout
    assert covered[1] == covered[2]
