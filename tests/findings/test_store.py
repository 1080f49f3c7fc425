"""The store: deduplicated, bounded, and whole after any crash."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from soak import flight
from soak.events import Kept, Kind, Sighted
from soak.findings import FindingContext, FindingNotFoundError, Reproduction, Store
from soak.findings.occurrence import read
from soak.findings.signature import former_names
from soak.findings.store import FIRST_KEPT, LATEST_KEPT
from tests.detect.samples import sample

CONTEXT = FindingContext(
    run="20250101-020000",
    scenario_file="/home/ada/scenarios/storm.py",
    scenario="storm",
    target="",
    seed=7,
    perturb="light",
    guard_malloc=False,
    hang_after=10.0,
    python="",
    environment={"mujoco": "4.0.0"},
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / CONTEXT.run
    (folder / "workers" / "1").mkdir(parents=True)
    (folder / "workers" / "1" / "fault.txt").write_text("Fatal Python error: Segmentation fault\n")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def _file(store: Store, run: Path, context: FindingContext = CONTEXT, **changes: Any) -> Kept:
    return store.file(sample(Sighted, **changes), run, context)


def test_first_sighting(store: Store, run: Path, tmp_path: Path) -> None:
    """A new problem gets a folder with its evidence, and all that brings it back."""
    kept = _file(store, run)
    assert (kept.new, kept.occurrence, kept.sighting) == (True, 1, 1)
    folder = tmp_path / kept.path
    assert folder == store.folder(kept.finding) / "1"
    assert (folder / "fault.txt").read_text().startswith("Fatal")
    assert json.loads((folder / "env.json").read_text()) == {"mujoco": "4.0.0"}
    summary = (folder / "summary.txt").read_text()
    assert f"soak repro {kept.finding}" in summary
    assert "seed 7" in summary
    assert read(folder).sighted == sample(Sighted)
    finding = store.find(kept.finding)
    assert (finding.kind, finding.count, finding.runs) == (Kind.CRASH, 1, {CONTEXT.run: 1})
    assert (finding.reproducer.scenario, finding.reproducer.seed) == ("storm", 7)
    assert (finding.reproducer.first_iteration, finding.reproducer.iteration) == (4, 5)


def test_second_sighting(store: Store, run: Path) -> None:
    """The same problem again is one finding with a count, per run too; the latest brings it back."""
    first = _file(store, run)
    later = dataclasses.replace(CONTEXT, run="20250102-020000", seed=8)
    second = _file(store, run, later, t=2000.0, iteration=9)
    assert (second.finding, second.occurrence, second.new) == (first.finding, 2, False)
    finding = store.find(first.finding)
    assert finding.count == 2
    assert finding.runs == {CONTEXT.run: 1, later.run: 1}
    assert (finding.first_seen, finding.last_seen) == (1021.0, 2000.0)
    assert (finding.reproducer.seed, finding.reproducer.iteration) == (8, 9)


def test_another_problem(store: Store, run: Path) -> None:
    """Another problem is another finding; the one seen last comes first."""
    _file(store, run, t=5.0)
    _file(store, run, t=6.0, kind=Kind.VIOLATION, promise="close returns in time")
    assert [finding.kind for finding in store.all()] == [Kind.VIOLATION, Kind.CRASH]


def test_bounded(store: Store, run: Path) -> None:
    """The first occurrences stay, the oldest of the others make room, and all are counted."""
    for _ in range(20):
        kept = _file(store, run)
    numbers = [int(folder.name) for folder in store.occurrences(kept.finding)]
    assert numbers == [1, 2, 3, 16, 17, 18, 19, 20]
    assert len(numbers) == FIRST_KEPT + LATEST_KEPT
    assert store.find(kept.finding).count == 20


def test_missing_evidence_is_said(store: Store, run: Path, tmp_path: Path) -> None:
    """Evidence that is not there does not stop the filing, and is named."""
    kept = _file(store, run, evidence=("workers/1/fault.txt", "workers/1/gone", "workers/1"))
    summary = (tmp_path / kept.path / "summary.txt").read_text()
    assert "Evidence that was not there: workers/1/gone, workers/1\n" in summary


def test_names_do_not_collide(store: Store, run: Path, tmp_path: Path) -> None:
    """Two files of one name, and one named like the store's own, are all kept."""
    names = ("a/stderr", "b/stderr", "a/env.json")
    for name in names:
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text(name)
    kept = _file(store, run, evidence=names)
    texts = {path.name: path.read_text() for path in (tmp_path / kept.path).iterdir()}
    assert (texts["stderr"], texts["b-stderr"], texts["a-env.json"]) == names
    assert "mujoco" in texts["env.json"]


def test_flight_file_becomes_text(store: Store, run: Path, tmp_path: Path) -> None:
    """A flight file among the evidence can be read by people."""
    for name in ("flight", "broken.flight"):
        flight.create(run / name)
        writer = flight.Flight(run / name)
        slot = writer.slot(0, "mutate-2", flight.SCENARIO)
        slot.enter(writer.label("add_object"))
    kept = _file(store, run, evidence=("flight", "broken.flight"))
    folder = tmp_path / kept.path
    texts = [path.read_text() for path in folder.glob("ring*.txt")]
    assert len(texts) == 2
    assert all("mutate-2 has been in add_object" in text for text in texts)
    assert (folder / "ring.txt").is_file()


def test_late_evidence(store: Store, run: Path, tmp_path: Path) -> None:
    """What comes later joins its occurrence; for one that has made room it is passed over."""
    kept = _file(store, run)
    late = tmp_path / "core-stack"
    late.write_text("mj_step")
    added = store.add_evidence(kept, late, "native.txt")
    assert added == tmp_path / kept.path / "native.txt"
    assert added.read_text() == "mj_step"
    assert store.add_evidence(kept, tmp_path / "nowhere") is None
    gone = dataclasses.replace(kept, path="findings/crash-00000000/4")
    assert store.add_evidence(gone, late) is None
    store.explain_missing(gone, "native.txt", "no core")


def test_missing_native_stack_has_its_reason(store: Store, run: Path, tmp_path: Path) -> None:
    """Why there is no native stack is written beside the finding, one line each."""
    kept = _file(store, run)
    store.explain_missing(kept, "native.txt", "no core: the limit is 0")
    store.explain_missing(kept, "gdb.txt", "no gdb")
    text = (tmp_path / kept.path / "missing.txt").read_text()
    assert text == "native.txt: no core: the limit is 0\ngdb.txt: no gdb\n"


def test_find(store: Store, run: Path) -> None:
    """A finding is found by its name, by a beginning of it, and by its hexadecimal part."""
    kept = _file(store, run)
    for name in (kept.finding, kept.finding[:-4], kept.finding.removeprefix("crash-"), "cr"):
        assert store.find(name).id == kept.finding


def test_find_none_or_several(store: Store, run: Path) -> None:
    """A name of nothing, or of several, is answered with what there is."""
    with pytest.raises(FindingNotFoundError, match=r"got 'crash'; it has none yet"):
        store.find("crash")
    first = _file(store, run)
    second = _file(store, run, signal=6)
    with pytest.raises(FindingNotFoundError, match="names 2 findings") as several:
        store.find("crash")
    assert first.finding in str(several.value)
    assert second.finding in str(several.value)
    with pytest.raises(FindingNotFoundError, match=f"got 'leak'; it has .*{first.finding}"):
        store.find("leak")
    with pytest.raises(FindingNotFoundError):
        store.find("")


def test_reproductions(store: Store, run: Path) -> None:
    """A measured rate is kept, and further sightings do not lose it."""
    kept = _file(store, run)
    measured = Reproduction(t=3000.0, hits=7, tries=20)
    store.record_reproduction(kept.finding, measured)
    _file(store, run)
    assert store.find(kept.finding).reproductions == (measured,)


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"id": "x"}', '{"kind": "sunny"}', "\0" * 100])
def test_damaged_finding(tmp_path: Path, run: Path, damage: str) -> None:
    """A damaged finding.json is moved aside, said, and made anew of the occurrences: nothing is lost."""
    said: list[str] = []
    store = Store(tmp_path, say=said.append)
    for _ in range(2):
        kept = _file(store, run)
    path = store.folder(kept.finding) / "finding.json"
    before = store.find(kept.finding)
    path.write_text(damage)
    assert store.find(kept.finding) == before
    assert path.with_suffix(".corrupt").read_text() == damage
    assert len(said) == 1
    assert "was damaged" in said[0]
    assert _file(store, run).occurrence == 3


def test_lost_finding(store: Store, run: Path) -> None:
    """A run that was killed between an occurrence and its count is made good."""
    kept = _file(store, run)
    (store.folder(kept.finding) / "finding.json").unlink()
    assert [finding.count for finding in store.all()] == [1]
    assert _file(store, run).occurrence == 2


def test_what_an_older_soak_filed_is_read(store: Store, run: Path) -> None:
    """A sighting without the newer fields, under the name that it had then, is a finding like any other."""
    kept = _file(store, run, target="arm:Arm", operation="step")
    (folder,) = store.occurrences(kept.finding)
    record = json.loads((folder / "sighting.json").read_text())
    for name in ("target", "operation", "blocked"):
        del record["sighted"][name]
    (folder / "sighting.json").write_text(json.dumps(record))
    former = min(former_names(sample(Sighted, operation="step")))
    assert former != kept.finding
    store.folder(kept.finding).rename(store.folder(former))
    (store.folder(former) / "finding.json").unlink()
    found = store.find(former)
    assert (found.id, found.count, found.kind) == (former, 1, Kind.CRASH)
    assert read(store.occurrences(former)[0]).sighted == sample(Sighted)


def test_damaged_occurrence(store: Store, run: Path) -> None:
    """Damage in one occurrence takes away that one only."""
    for _ in range(3):
        kept = _file(store, run)
    folder = store.folder(kept.finding)
    (folder / "1" / "sighting.json").write_text("{")
    (folder / "finding.json").write_text("{")
    assert store.find(kept.finding).count == 3
    (folder / "2" / "sighting.json").unlink()
    (folder / "3" / "sighting.json").unlink()
    (folder / "finding.json").unlink()
    assert store.all() == []
    assert _file(store, run).occurrence == 4


def test_disk_that_fills(tmp_path: Path, run: Path) -> None:
    """When the disk takes no more, the error comes out and what was there before is intact."""
    store = Store(tmp_path)
    kept = _file(store, run)
    (run / "workers" / "1" / "stderr").write_bytes(b"x" * 100_000)
    program = _program("resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))")
    done = _run(program, tmp_path, run)
    assert done.stdout == "OSError\n"
    folder = store.folder(kept.finding)
    assert sorted(path.name for path in folder.iterdir()) == ["1", "finding.json"]
    assert store.find(kept.finding).count == 1


def test_killed_writer(tmp_path: Path, run: Path) -> None:
    """A writer that is killed at any moment leaves a store that reads, counts on, sheds what is half-made."""
    store = Store(tmp_path)
    counts = []
    for filed in (1, 3, 7):
        program = _program("", times=10_000)
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), str(run)],
            stdout=subprocess.PIPE,
            env=_environment(),
        ) as writer:
            assert writer.stdout is not None
            for _ in range(filed):
                assert writer.stdout.readline() == b"filed\n"
            writer.send_signal(signal.SIGKILL)
        (finding,) = store.all()
        counts.append(finding.count)
        for folder in store.occurrences(finding.id):
            read(folder)
    assert counts == sorted(counts)
    assert counts[-1] >= 11
    kept = _file(store, run)
    assert kept.occurrence > counts[-1]
    assert not list(store.folder(kept.finding).glob(".*"))


def _program(limit: str, times: int = 1) -> str:
    return textwrap.dedent(
        f"""
        import resource, sys
        from pathlib import Path
        from soak.events import Sighted
        from soak.findings import Store
        from tests.detect.samples import sample
        from tests.findings.test_store import CONTEXT
        {limit}
        store, run = Store(Path(sys.argv[1])), Path(sys.argv[2])
        sighted = sample(Sighted, evidence=("workers/1/fault.txt", "workers/1/stderr"))
        try:
            for _ in range({times}):
                store.file(sighted, run, CONTEXT)
                print("filed", flush=True)
        except OSError:
            print("OSError", flush=True)
        """
    )


def _run(program: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=True,
    )


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join([root, *sys.path])}


def test_a_guarantee_counts_as_what_it_was_broken(store: Store, run: Path) -> None:
    """Over all runs, and also where only the occurrences are left to tell."""
    broken: dict[str, Any] = {
        "kind": Kind.VIOLATION,
        "guarantee": "it stays whole",
        "title": "it stays whole",
    }
    for promise in ("no crack", "one piece", "no crack"):
        kept = _file(store, run, **broken, promise=promise)
    finding = store.find(kept.finding)
    assert (finding.title, finding.count) == ("it stays whole", 3)
    assert finding.broken_as == {"no crack": 2, "one piece": 1}
    (store.folder(kept.finding) / "finding.json").unlink()
    assert store.find(kept.finding).broken_as == {"no crack": 2, "one piece": 1}


def test_a_promise_that_stands_alone_counts_as_itself(store: Store, run: Path) -> None:
    """Its title says all."""
    kept = _file(store, run, kind=Kind.VIOLATION, promise="it works")
    assert store.find(kept.finding).broken_as == {}
