"""Mixed stacks: the commands, what their real output says, and why there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soak.events import Frame
from soak.supervisor import native
from soak.supervisor.native import ThreadStack
from soak.supervisor.stacks_cores import find_core_by, why_no_core_by

GOLDEN = sorted((Path(__file__).parent / "stacks").glob("*.txt"))
REMOTE = [path for path in GOLDEN if path.read_text().startswith("kind: remote")]
CORES = [path for path in GOLDEN if path.read_text().startswith("kind: core")]


def read(path: Path) -> tuple[dict[str, str], tuple[ThreadStack, ...]]:
    """A golden file's expected fields, and the threads parsed from what stands below them."""
    header, _, text = path.read_text().partition("\n\n")
    pairs = [line.partition(":") for line in header.splitlines()]
    fields = {name: value.strip() for name, _, value in pairs}
    return fields, native.parse(text)


def innermost_python(frames: tuple[Frame, ...]) -> str:
    return next((frame.function for frame in frames if not frame.native), "")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_thread_and_the_gil_holder_are_read(path: Path) -> None:
    """The number of threads and who holds the GIL come out of real output."""
    fields, stacks = read(path)
    assert len(stacks) == int(fields["threads"])
    assert [str(stack.native_id) for stack in stacks if stack.gil] == fields["gil"].split()


@pytest.mark.parametrize("path", REMOTE, ids=lambda path: path.stem)
def test_blocked_frames_name_the_call_that_blocks(path: Path) -> None:
    """The stuck thread's frames start at the native wait and lead to the operation's Python."""
    fields, stacks = read(path)
    frames = native.blocked_frames(stacks, int(fields["stuck"]))
    assert [frame.function for frame in frames[:2]] == fields["blocked"].split()
    assert innermost_python(frames) == fields["python"]


@pytest.mark.parametrize("path", REMOTE, ids=lambda path: path.stem)
def test_a_thread_that_waits_for_the_gil_shows_who_keeps_it(path: Path) -> None:
    """With the GIL kept by native code, the main thread's frames are the culprit's; else its own."""
    fields, stacks = read(path)
    assert innermost_python(native.blocked_frames(stacks, int(fields["main"]))) == fields["main python"]


@pytest.mark.parametrize("path", CORES, ids=lambda path: path.stem)
def test_crashed_frames_begin_at_the_fault(path: Path) -> None:
    """Of a core, what dying put on top (the handler, raise, abort) is gone."""
    fields, stacks = read(path)
    frames = native.crashed_frames(stacks)
    assert [frame.function for frame in frames[:3]] == fields["crashed"].split()
    assert innermost_python(frames) == fields["python"]


def test_python_frames_have_their_line_and_native_ones_their_library() -> None:
    """A parsed frame says where: file and line for Python, the shared object for native code."""
    _, stacks = read(Path(__file__).parent / "stacks" / "gil_deadlock-3.13.txt")
    frames = stacks[0].frames
    assert frames[0] == Frame(
        function="futex_wait", file="/usr/lib/x86_64-linux-gnu/libc.so.6", line=0, native=True
    )
    assert (
        Frame(function="lock_twice", file="/home/user/soak/canaries/hostile/gil_deadlock.py", line=24)
        in frames
    )
    assert stacks[0].name == "python"


def test_parse_passes_over_what_is_no_stack() -> None:
    """Warnings, source lines, C++ names and a cut last line do not confuse the parser."""
    text = (
        "WARNING(process_remote): Failed to attach to thread 7: Operation not permitted\n"
        "Traceback for thread 8 [Has the GIL,Garbage collecting] (most recent call last):\n"
        '    (Python) File "/a (copy)/b.py", line 3, in <lambda>\n'
        '        print("(C) File in a source line")\n'
        '    (C) File "???", line 0, in ns::f(int, char*) (inlined) (/x/libm.so.6 (deleted))\n'
        '    (C) File "cut'
    )
    assert native.parse(text) == (
        ThreadStack(
            native_id=8,
            name="",
            gil=True,
            frames=(
                Frame(function="ns::f(int, char*)", file="/x/libm.so.6 (deleted)", native=True),
                Frame(function="<lambda>", file="/a (copy)/b.py", line=3),
            ),
        ),
    )
    assert native.parse("") == ()


def test_a_stack_overflow_is_kept_short_at_its_inner_end() -> None:
    """Of a hundred thousand frames the innermost are kept, in bounded memory."""
    frame = '    (Python) File "f.py", line {}, in f\n'
    text = "Traceback for thread 8 [] (most recent call last):\n" + "".join(map(frame.format, range(5000)))
    (stack,) = native.parse(text)
    assert len(stack.frames) == 200
    assert stack.frames[0].line == 4999


def _thread(number: int, *frames: Frame, gil: bool = False, waits: bool = False) -> ThreadStack:
    return ThreadStack(native_id=number, name="", frames=frames, gil=gil, waits=waits)


def test_a_holder_that_runs_python_is_not_to_blame() -> None:
    """A thread seen at the moment it waits for a busy Python thread keeps its own frames."""
    own = Frame(function="step", file="scene.py")
    busy = Frame(function="spin", file="policy.py")
    inside = Frame(function="list_sort", file="/usr/lib/libpython3.12.so.1.0", native=True)
    waiting = _thread(1, own, waits=True)
    assert native.blocked_frames([waiting, _thread(2, busy, gil=True)], 1) == (own,)
    assert native.blocked_frames([waiting, _thread(2, inside, busy, gil=True)], 1) == (own,)
    assert native.blocked_frames([waiting], 1) == (own,)
    assert native.blocked_frames([waiting], 3) == ()


def test_a_crash_without_a_handler_is_the_deepest_thread_or_the_gil_holder() -> None:
    """A stack overflow leaves no signal frame: the thread that fills the stack is the one."""
    deep = tuple(Frame(function="f", file="f.py", line=line) for line in range(200))
    holder = _thread(1, Frame(function="join", file="t.py"), gil=True)
    assert native.crashed_frames([holder, _thread(2, *deep)]) == deep
    assert native.crashed_frames([_thread(3), holder]) == holder.frames
    assert native.crashed_frames([]) == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("💀 Engine error: Operation not permitted 💀\n\nThe specified process cannot be traced.", "ptrace"),
        ("Engine error: Could not read the contents of /proc/999999/task", "gone before"),
        ("Engine error: Could not determine python version from /usr/bin/sleep", "another program"),
        ("/usr/bin/python3: No module named pystack", "not installed"),
        ("Engine error: Unable to find maps for the executable /x/python.", "another interpreter"),
        ("RuntimeError: Cannot read the ELF header of 'core'", "empty or cut"),
        ("__main__.py: error: Core nofile does not exist", "core file is gone"),
        ("💀 Engine error: something new 💀\nlong help", "Engine error: something new"),
        ("", "printed nothing"),
    ],
)
def test_a_failure_is_explained(text: str, reason: str) -> None:
    """Each known failure of the stack command becomes a reason in words; an unknown one is quoted."""
    assert reason in native.explain(text)


def test_a_whole_stack_needs_no_explanation() -> None:
    """Where there are stacks the reason is empty, unless native frames are missing from them."""
    whole = "Traceback for thread 8 [] (most recent call last):\n"
    assert native.explain("WARNING: Operation not permitted\n" + whole) == ""
    unmerged = "* - Unable to merge native stack due to insufficient native information - *\n"
    assert "native frames are missing" in native.explain(whole + unmerged)


@pytest.mark.parametrize(
    ("pattern", "uses_pid", "names", "found"),
    [
        ("core", False, ["core", "core.12"], "core"),
        ("core", True, ["core", "core.12"], "core.12"),
        ("core.%e.%p", False, ["core.python.12", "core.python.13"], "core.python.12"),
        ("100%%-%P-%t", False, ["100%-12-1700000000", "100%-13-1700000000"], "100%-12-1700000000"),
        ("core", False, [], None),
        ("core.%p", False, ["core.112"], None),
        ("|/usr/lib/systemd/systemd-coredump %P", False, ["core"], None),
        ("", False, ["core"], None),
    ],
)
def test_a_core_is_found_as_the_kernel_names_it(
    pattern: str, uses_pid: bool, names: list[str], found: str | None, tmp_path: Path
) -> None:
    """core_pattern decides the name, and a core of another process is not taken for ours."""
    for name in names:
        (tmp_path / name).write_bytes(b"\x7fELF")
    core = find_core_by(pattern, tmp_path, 12, uses_pid=uses_pid)
    assert core == (tmp_path / found if found else None)


def test_a_core_elsewhere_an_empty_and_an_older_one(tmp_path: Path) -> None:
    """An absolute pattern leads out of the folder; an empty file and one from before are no core of ours."""
    folder = tmp_path / "cores"
    folder.mkdir()
    (folder / "core.12").write_bytes(b"\x7fELF")
    (folder / "core.13").write_bytes(b"")
    pattern = f"{folder}/core.%p"
    assert find_core_by(pattern, tmp_path, 12) == folder / "core.12"
    assert find_core_by(pattern, tmp_path, 12, since=(folder / "core.12").stat().st_mtime + 1) is None
    assert find_core_by(pattern, tmp_path, 13) is None
    assert find_core_by(f"{tmp_path}/missing/core.%p", tmp_path, 12) is None


def test_no_core_has_a_reason(tmp_path: Path) -> None:
    """A limit of zero, a handler and a missing file are told apart, each with what would help."""
    assert "ulimit" in why_no_core_by("core", 0, tmp_path, 12)
    piped = why_no_core_by("|/usr/lib/systemd/systemd-coredump %P %u", -1, tmp_path, 12)
    assert "coredumpctl dump 12" in piped
    assert "/usr/share/apport/apport" in why_no_core_by("|/usr/share/apport/apport %p", -1, tmp_path, 12)
    assert str(tmp_path) in why_no_core_by("core", -1, tmp_path, 12)
    assert "no core in /var/cores" in why_no_core_by("/var/cores/%p", -1, tmp_path, 12)


_DEADLOCK = """
import ctypes
libc = ctypes.PyDLL(None)
def lock_twice():
    mutex = ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    print("ready", flush=True)
    libc.pthread_mutex_lock(mutex)
lock_twice()
"""


def test_a_child_that_keeps_the_gil_in_native_code_is_read_from_outside() -> None:
    """The command works on a live process here, and shows Python and native frames of one stack."""
    with subprocess.Popen(
        [sys.executable, "-c", _DEADLOCK], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            for _ in range(20):  # between "ready" and the second lock lies a moment
                done = subprocess.run(native.remote_command(child.pid), capture_output=True, text=True)
                frames = native.blocked_frames(native.parse(done.stdout), child.pid)
                if "ptrace" in native.explain(done.stdout + done.stderr):
                    pytest.skip(native.explain(done.stdout + done.stderr))
                if any("mutex_lock" in frame.function for frame in frames):
                    break
        finally:
            child.kill()
    assert any(frame.native and "mutex_lock" in frame.function for frame in frames)
    assert innermost_python(frames) == "lock_twice"


_SEGFAULT = """
import ctypes, faulthandler, resource
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
faulthandler.enable()
def follow_null():
    ctypes.string_at(0)
follow_null()
"""


def test_the_core_of_a_child_that_crashed_is_found_and_read(tmp_path: Path) -> None:
    """A crash's mixed stack comes out of its core file, where this machine writes one."""
    child = subprocess.Popen([sys.executable, "-c", _SEGFAULT], cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert child.wait(timeout=60) == -11
    core = native.find_core(tmp_path, child.pid)
    if core is None:
        pytest.skip(native.why_no_core(tmp_path, child.pid))
    done = subprocess.run(
        native.core_command(core, Path(sys.executable)), capture_output=True, text=True, timeout=60
    )
    frames = native.crashed_frames(native.parse(done.stdout))
    assert native.explain(done.stdout + done.stderr) == ""
    assert frames[0].native
    assert "follow_null" in [frame.function for frame in frames]
