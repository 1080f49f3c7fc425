"""The page "Soak your own simulation" does what it says, word for word."""

from __future__ import annotations

import re

from soak.targets.promises import UNCHANGED
from tests.cli.command import ROOT, Soak

_BLOCK = re.compile(r'```python\n("""((?:mylab|glue)\.py)""".*?)```', re.DOTALL)
_TWO_STEPS = re.compile(r"( +)self\.check_free\(\) +# the bug:.*\n +(self\.model\.opt\.gravity.*)\n")


def write_page(soak: Soak, *, mended: bool) -> None:
    """The two files of the page, as they stand there, or with the lock that the page names."""
    files = {name: source for source, name in _BLOCK.findall((ROOT / "README.md").read_text())}
    assert set(files) == {"mylab.py", "glue.py"}
    if mended:
        lock = r"\1with self.lock:\n\1    self.check_free()\n\1    \2\n"
        files["mylab.py"], count = _TWO_STEPS.subn(lock, files["mylab.py"])
        assert count == 1
    for name, source in files.items():
        (soak.folder / name).write_text(source)


def test_the_race_of_the_page_is_found(soak: Soak) -> None:
    """A policy that starts between the guard's look and the write sees its scene change."""
    write_page(soak, mended=False)
    done = soak(
        "run", "close_while_running", "--target", "glue:Glue", "--until-fail", "--count", "50", "--quiet"
    )
    assert done.code == 1, done.stdout + done.stderr
    assert UNCHANGED in done.stdout
    assert "soak repro violation-" in done.stdout


def test_what_is_mended_is_clean(soak: Soak) -> None:
    """With the lock around both lines, nothing is found."""
    write_page(soak, mended=True)
    done = soak("run", "mutate_after_done", "--target", "glue:Glue", "--count", "20", "--quiet")
    assert done.code == 0, done.stdout + done.stderr


def test_the_glue_of_the_page_has_the_verbs_that_it_names(soak: Soak) -> None:
    """`soak show --target` finds what the page defines."""
    write_page(soak, mended=False)
    verbs = soak("show", "--target", "glue:Glue", "--json").document()["verbs"]
    found = {name for name, remedy in verbs.items() if not remedy}
    assert found == {"start", "stop", "running", "mutations", "close", "version"}
