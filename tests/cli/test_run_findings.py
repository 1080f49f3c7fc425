"""Each kind of problem, planted in a few lines: found once, as what it is, with its evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soak.events import Kind, Sighted, WorkerEnded
from tests.cli.command import Done, Soak

#: One operation in one thread does what a test plants.
_FRAME = """
@soak.scenario(seconds={seconds}, rounds={rounds}, real_exit={real_exit})
def story(target, rng):
    yield {state}

@story.operation(threads=1)
def planted(state, rng):
{body}
"""


def story_of(
    soak: Soak,
    body: str,
    *,
    state: str = "None",
    seconds: float = 5.0,
    rounds: int | None = 1,
    real_exit: bool = False,
) -> Path:
    """A scenario whose operation is ``body``."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    source = _FRAME.format(body=indented, state=state, seconds=seconds, rounds=rounds, real_exit=real_exit)
    return soak.story(source)


def occurrence(done: Done, number: int = 1) -> set[str]:
    """The names of the files that are kept with an occurrence of the only finding."""
    folder = done.finding() / str(number)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def only_finding(done: Done) -> dict[str, object]:
    """The only finding in the document, which the store has under the same name."""
    (finding,) = done.document()["findings"]
    assert finding["finding"] == done.finding().name
    assert json.loads((done.finding() / "finding.json").read_text())["id"] == finding["finding"]
    found: dict[str, object] = finding
    return found


def test_a_crash_is_found_with_python_and_native_stacks(soak: Soak) -> None:
    """SIGSEGV in native code: faulthandler's text, and pystack's from the core or the reason why not."""
    story = story_of(soak, "import ctypes\nprint('last words on stdout')\nctypes.string_at(0)")
    done = soak("run", story, "--count", "1", "--json")
    finding = only_finding(done)
    assert done.code == 1
    assert finding["kind"] == "crash"
    assert "SIGSEGV" in str(finding["title"])
    assert "planted" in str(finding["title"])
    files = occurrence(done)
    assert {"fault.txt", "stdout", "ring.txt", "env.json", "flight"} <= files
    assert "native.txt" in files or "no-native.txt" in files, files


def test_an_exit_behind_pythons_back_is_found(soak: Soak) -> None:
    """C's exit(0) without the last words is a finding, whatever the code; MUJOCO_LOG.TXT is collected."""
    body = """
with open("MUJOCO_LOG.TXT", "w") as log:
    log.write("ERROR: mj_copyDataVisual: attempting to copy mjData while stack is in use\\n")
os._exit(0)
"""
    done = soak("run", story_of(soak, body), "--count", "1", "--json")
    finding = only_finding(done)
    assert finding["kind"] == "exit"
    assert "mj_copyDataVisual" in str(finding["title"])
    assert "MUJOCO_LOG.TXT" in " ".join(occurrence(done))


def test_a_violation_is_found_with_its_details_and_what_came_before(soak: Soak) -> None:
    """`always`: the constant promise names it, the details and the ring of operations are kept."""
    body = """
with soak.doing("fetch_milk"):
    pass
soak.always(False, "milk is white", colour="blue")
"""
    done = soak("run", story_of(soak, body), "--count", "1", "--json")
    finding = only_finding(done)
    assert finding["kind"] == "violation"
    assert "milk is white" in str(finding["title"])
    kept = "".join(path.read_text() for path in (done.finding() / "1").glob("*.txt"))
    assert "fetch_milk" in kept
    assert "blue" in kept


@pytest.mark.parametrize(
    "part",
    [
        "@story.invariant('the sum is 5', every=0.001)\ndef sum_is_five(state): return False",
        "@story.check('the sum is 5')\ndef sum_was_five(state): return False",
    ],
    ids=["invariant", "check"],
)
def test_invariants_and_checks_are_promises(soak: Soak, part: str) -> None:
    """A broken one is a violation under its own sentence."""
    story = story_of(soak, "time.sleep(0.001)", rounds=50)
    story.write_text(f"{story.read_text()}\n{part}\n")
    finding = only_finding(soak("run", story, "--count", "1", "--json"))
    assert finding["kind"] == "violation"
    assert "the sum is 5" in str(finding["title"])


def test_an_exception_that_no_operation_expected_is_an_error(soak: Soak) -> None:
    """Its type, message and traceback are kept; one that was declared counts as a refusal."""
    done = soak("run", story_of(soak, "raise LookupError('no such robot: arm')"), "--count", "1", "--json")
    finding = only_finding(done)
    assert finding["kind"] == "error"
    assert "LookupError" in str(finding["title"])
    expected = story_of(soak, "raise LookupError('fine')")
    expected.write_text(expected.read_text().replace("threads=1)", "threads=1, expects=(LookupError,))"))
    document = soak("run", expected, "--count", "1", "--json").document()
    assert (document["verdict"], document["refused"]) == ("clean", 1)


def test_an_exception_in_a_thread_of_the_targets_own_is_an_error(soak: Soak) -> None:
    """It would otherwise go to stderr, where nobody reads it."""
    body = "def lost(): raise KeyError('lost')\nt = threading.Thread(target=lost)\nt.start()\nt.join()"
    finding = only_finding(soak("run", story_of(soak, body), "--count", "1", "--json"))
    assert (finding["kind"], "KeyError" in str(finding["title"])) == ("error", True)


def test_a_hang_is_found_with_its_operation_and_its_stacks(soak: Soak) -> None:
    """An operation that waits for ever: which thread, in what, for how long; Python and native stacks."""
    done = soak(
        "run", story_of(soak, "threading.Event().wait()"), "--count", "1", "--hang-after", "0.5", "--json"
    )
    finding = only_finding(done)
    assert finding["kind"] == "hang"
    assert "planted" in str(finding["title"]) + str(finding["detail"])
    assert "wait" in "".join(
        path.read_text(errors="replace") for path in (done.finding() / "1").glob("*fault*")
    )
    (ended,) = done.of(WorkerEnded)
    assert ended.asked == "hang"


def test_a_hang_with_the_gil_held_is_found(soak: Soak) -> None:
    """No Python code of the worker runs any more, and it is found all the same."""
    body = "import ctypes\nctypes.PyDLL(None).pause()"
    done = soak("run", story_of(soak, body), "--count", "1", "--hang-after", "0.5", "--json")
    assert only_finding(done)["kind"] == "hang"


def test_an_exit_that_does_not_finish_is_a_hang(soak: Soak) -> None:
    """A thread that is no daemon keeps the interpreter from ending."""
    story = story_of(
        soak, "threading.Thread(target=time.sleep, args=(600,), daemon=False).start()", real_exit=True
    )
    done = soak("run", story, "--count", "1", "--hang-after", "0.5", "--json")
    finding = only_finding(done)
    assert finding["kind"] == "hang"
    assert "exit" in str(finding["title"]) + str(finding["detail"])


def test_a_busy_loop_is_a_hang(soak: Soak) -> None:
    """It uses the processor and makes no progress."""
    done = soak("run", story_of(soak, "while True: pass"), "--count", "1", "--hang-after", "0.5", "--json")
    assert only_finding(done)["kind"] == "hang"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("threading.Thread(target=time.sleep, args=(600,), daemon=True, name='left').start()", "thread"),
        ("os.open('/dev/null', os.O_RDONLY)", "descriptor"),
        ("import subprocess; state.append(subprocess.Popen(['sleep', '600']))", "child"),
        ("import tempfile; state.append(tempfile.mkstemp())", "file"),
    ],
    ids=["thread", "descriptor", "child", "file"],
)
def test_what_outlives_an_iteration_is_a_leak(soak: Soak, body: str, says: str) -> None:
    """Threads, descriptors, child processes and temporary files: found, and named with what they are."""
    story = story_of(soak, body, state="KEPT")
    story.write_text(f"KEPT = []\n{story.read_text()}")
    done = soak("run", story, "--count", "5", "--json")
    kinds = {finding["kind"] for finding in done.document()["findings"]}
    titles = " ".join(finding["title"] for finding in done.document()["findings"])
    assert kinds == {"leak"}
    assert says in titles


def test_a_process_left_behind_in_a_session_of_its_own_is_a_leak(soak: Soak) -> None:
    """Double-forked and in another process session: killed, named, and reported."""
    body = """
pid = os.fork()
if pid == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "612"])
    os._exit(0)
os.waitpid(pid, 0)
"""
    done = soak("run", story_of(soak, body), "--count", "1", "--json")
    finding = only_finding(done)
    assert finding["kind"] == "leak"
    assert "sleep 612" in str(finding["title"])


def test_a_kill_from_outside_is_the_machines_fault(soak: Soak) -> None:
    """SIGKILL by somebody else is of kind infra, never a crash of the target."""
    done = soak("run", story_of(soak, "os.kill(os.getpid(), signal.SIGKILL)"), "--count", "1", "--json")
    assert only_finding(done)["kind"] == "infra"


def test_a_scenario_that_is_no_generator_is_a_harness_fault(soak: Soak) -> None:
    """It says nothing of the target: exit code 3, and what to write instead."""
    story = story_of(soak, "pass")
    story.write_text(story.read_text().replace("    yield None", "    return None"))
    done = soak("run", story, "--count", "1")
    assert done.code == 3
    assert "yield" in done.stdout


def test_hits_of_one_bug_are_one_finding(soak: Soak) -> None:
    """Twelve violations with other details and addresses: one finding, a count, evidence of eight."""
    body = "soak.always(False, 'every robot answers', robot=rng.random(), at=hex(id(object())))"
    done = soak("run", story_of(soak, body), "--count", "12", "--json")
    finding = only_finding(done)
    assert (finding["count"], finding["hits"]) == (12, 12)
    kept = sorted(int(path.name) for path in done.finding().iterdir() if path.is_dir())
    assert kept == [1, 2, 3, 8, 9, 10, 11, 12]


def test_a_rate_counts_the_iterations_that_broke_a_promise(soak: Soak) -> None:
    """Every second of 8 iterations breaks a promise: a rate of 4/8, not of 4/4."""
    body = """
with open(os.environ["TURNS"], "a") as file:
    file.write("x")
soak.always(os.path.getsize(os.environ["TURNS"]) % 2, "every second one")
"""
    env = {"TURNS": str(soak.folder / "turns")}
    finding = only_finding(soak("run", story_of(soak, body), "--count", "8", "--json", env=env))
    assert (finding["hits"], finding["tries"]) == (4, 8)


def test_different_bugs_are_different_findings(soak: Soak) -> None:
    """One scenario, two promises, one exception: three findings, each with its own count."""
    story = soak.story(
        """
        calls = []

        @soak.scenario(seconds=5.0, rounds=1)
        def three(target, rng):
            yield int(time.time() * 1e6)

        @three.operation(threads=1)
        def fail(state, rng):
            with open(os.environ["TURNS"], "a") as file:
                file.write("x")
            turn = os.path.getsize(os.environ["TURNS"]) % 3
            if turn == 0:
                raise RuntimeError("one")
            soak.always(turn == 1, "two")
            soak.always(turn == 2, "three")
        """
    )
    done = soak("run", story, "--count", "6", "--json", env={"TURNS": str(soak.folder / "turns")})
    findings = done.document()["findings"]
    assert sorted((finding["kind"], finding["count"]) for finding in findings) == [
        ("error", 2),
        ("violation", 2),
        ("violation", 2),
    ]
    assert len(done.findings()) == 3


def test_a_known_finding_is_called_known_in_the_next_run(soak: Soak) -> None:
    """The store outlives the run: the second run counts on, and says that the finding is not new."""
    story = story_of(soak, "soak.always(False, 'old friends')")
    first = soak("run", story, "--count", "2", "--json")
    assert first.document()["findings"][0]["new"] is True
    second = soak("run", story, "--count", "2", "--json")
    assert second.document()["findings"][0]["new"] is False
    assert "  KNOWN  old friends" in second.stderr
    record = json.loads((second.finding() / "finding.json").read_text())
    assert record["count"] == 4
    assert sorted(record["runs"].values()) == [2, 2]


def test_a_target_may_write_over_its_descriptors(soak: Soak) -> None:
    """Descriptors 0, 1 and 2 closed, replaced, and full of broken UTF-8: what is found does not use them."""
    body = """
null = os.open(os.devnull, os.O_RDWR)
os.write(1, b"\\xff\\xfe" * 1000)
os.dup2(null, 1); os.dup2(null, 2); os.close(0)
soak.always(False, "heard all the same")
"""
    done = soak("run", story_of(soak, body), "--count", "1", "--json")
    assert only_finding(done)["kind"] == "violation"


def test_sightings_say_where_their_evidence_lies(soak: Soak) -> None:
    """Every sighting in the stream has a kind, a scenario and an iteration."""
    done = soak("run", story_of(soak, "soak.always(False, 'x')"), "--count", "2")
    sightings = done.of(Sighted)
    assert [(each.kind, each.scenario, each.iteration) for each in sightings] == [
        (Kind.VIOLATION, "story", 0),
        (Kind.VIOLATION, "story", 1),
    ]


def test_promises_of_one_guarantee_are_one_finding(soak: Soak) -> None:
    """Broken as one promise in one iteration and as another in the next: report and store say both."""
    story = soak.story(
        """
        whole = soak.guarantee("the cup stays whole")
        NO_CRACK, ONE_PIECE = whole.promise("it has no crack"), whole.promise("it is in one piece")

        @soak.scenario(seconds=5.0, rounds=1)
        def story(target, rng):
            yield rng.random()

        @story.operation(threads=1)
        def fall(luck, rng):
            soak.always(luck < 0.5, NO_CRACK)

        @story.check(ONE_PIECE)
        def in_one_piece(luck):
            return luck >= 0.5
        """
    )
    done = soak("run", story, "--count", "4", "--seed", "4", "--json")
    finding = only_finding(done)
    assert (finding["kind"], finding["title"], finding["count"]) == ("violation", "the cup stays whole", 4)
    assert finding["broken_as"] == {"it has no crack": 2, "it is in one piece": 2}
    shown = soak("show", done.finding().name)
    assert "  broken as   it has no crack (2 times), it is in one piece (2 times)\n" in shown.stdout
