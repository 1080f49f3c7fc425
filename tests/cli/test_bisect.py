"""`soak bisect` on small real repositories with a planted flaky bug: every second try shows it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.cli.command import Soak

GOOD = "def lift(tries):\n    return True\n"
#: Half of the tries fail, whatever the seed: they are counted in a file that no checkout has.
BAD = "def lift(tries):\n    return tries % 2 == 0\n"
#: The same as an error, whose name holds that of the folder in which arm.py lies.
JAMMED = "def lift(tries):\n    if tries % 2:\n        raise ValueError('jammed')\n    return True\n"
BROKEN = "def lift(tries:\n"

STORY = """
import arm

@soak.scenario(seconds=5.0, rounds=1)
def lifts(target, rng):
    yield open(os.environ["TRIES"], "a")

@lifts.operation(threads=1)
def lift(file, rng):
    file.write("x")
    file.flush()
    soak.always(arm.lift(file.tell()), "the arm is lifted")
"""


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    return subprocess.run(
        ["git", "-C", folder, *who, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


class Shop:
    """A repository whose commits are versions of arm.py; the story came with the last one only."""

    def __init__(self, soak: Soak, versions: list[str]) -> None:
        self.soak = soak
        self.commits: list[str] = []
        git(soak.folder, "init", "-q")
        (soak.folder / ".gitignore").write_text(".soak/\nsaid-*\n__pycache__/\ntries\n")
        for number, text in enumerate(versions):
            (soak.folder / "arm.py").write_text(f"{text}# {number}\n")
            if number == len(versions) - 1:
                soak.story(STORY, "soaks/story.py")
            git(soak.folder, "add", "-A")
            git(soak.folder, "commit", "-qm", f"version {number}")
            self.commits.append(git(soak.folder, "rev-parse", "HEAD"))
        self.env = {"TRIES": str(soak.folder / "tries")}
        done = soak("run", "soaks/story.py", "--until-fail", "--minutes", "5", env=self.env)
        self.finding = done.finding().name


def test_the_first_bad_commit_is_found(soak: Soak) -> None:
    """Of eight, though every second try is clean and one cannot be imported: exit code 0. The user's
    checkout, its changes and its list of worktrees are what they were."""
    shop = Shop(soak, [GOOD, GOOD, BROKEN, GOOD, GOOD, BAD, BAD, BAD])
    with (soak.folder / "arm.py").open("a") as file:
        file.write("raise RuntimeError('this change is not committed')\n")
    before = git(soak.folder, "status", "--porcelain", "--branch")
    done = soak("bisect", shop.finding, "--good", shop.commits[0], "--json", env=shop.env)
    assert done.code == 0, done.stdout + done.stderr
    answer = done.document()
    assert answer["first_bad"] == [shop.commits[5]]
    assert answer["chance"] >= 0.95
    assert all(not each["hits"] for each in answer["commits"][:5])
    assert 'version 5"' in done.stderr.splitlines()[-2]
    assert git(soak.folder, "status", "--porcelain", "--branch") == before
    assert len(git(soak.folder, "worktree", "list").splitlines()) == 1


def test_what_could_not_be_tested_is_named_where_it_blurs_the_answer(soak: Soak) -> None:
    """The commit before the first that shows it cannot be built: it is one of the two, and why."""
    shop = Shop(soak, [GOOD, GOOD, JAMMED, JAMMED])
    done = soak(
        "bisect",
        shop.finding,
        "--good",
        shop.commits[0],
        "--bad",
        shop.commits[3],
        "--build",
        "if grep -q '# 1' arm.py; then echo no compiler; exit 3; fi",
        env=shop.env,
    )
    assert done.code == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("first bad: one of 2 commits (")
    assert 'version 1"  could not be tested: --build ended with 3: no compiler' in lines[1]
    assert 'version 2"' in lines[2]


def test_a_good_commit_that_has_it_is_told(soak: Soak) -> None:
    """Nothing can be found between two bad ones: exit code 5, and what to do."""
    shop = Shop(soak, [BAD, BAD])
    done = soak("bisect", shop.finding, "--good", shop.commits[0], env=shop.env)
    assert done.code == 5, done.stdout + done.stderr
    assert "has it already (100 %); name an older commit as good" in done.stdout


def test_a_bad_commit_that_does_not_show_it_is_told(soak: Soak) -> None:
    """No answer is made up: exit code 5."""
    shop = Shop(soak, [GOOD, BAD])
    (soak.folder / "arm.py").write_text(GOOD)
    git(soak.folder, "commit", "-qam", "mended")
    done = soak("bisect", shop.finding, "--good", shop.commits[0], env=shop.env)
    assert done.code == 5, done.stdout + done.stderr
    assert "not found: it does not come at" in done.stdout


def test_commits_that_are_no_range_are_a_mistake(soak: Soak, tmp_path: Path) -> None:
    """Exit code 2, in git's words or ours; also outside of a repository."""
    shop = Shop(soak, [GOOD, BAD])
    (tmp_path / "elsewhere").mkdir()
    env = {**shop.env, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    for words, said in (
        (("--good", "nobody"), "nobody"),
        (("--good", "HEAD", "--bad", "HEAD~1"), "HEAD is no ancestor of HEAD~1"),
        (("--good", "HEAD"), "are one commit"),
        (("--good", "HEAD~1", "--repo", str(tmp_path / "elsewhere")), "not a git repository"),
    ):
        done = soak("bisect", shop.finding, *words, env=env)
        assert (done.code, said in done.stderr) == (2, True), done.stderr


def test_an_interrupt_tells_what_is_known_so_far(soak: Soak) -> None:
    """Ctrl-C: exit code 130, the likeliest answer, and no checkout is left behind."""
    slow = BAD.replace("return", "__import__('time').sleep(1)\n    return")
    shop = Shop(soak, [GOOD, GOOD, slow, slow])
    (soak.folder / "tmp").mkdir()
    env = {**shop.env, "TMPDIR": str(soak.folder / "tmp")}
    running = soak.start("bisect", shop.finding, "--good", shop.commits[0], env=env)
    out = soak.folder / "tmp"
    running.wait_until(lambda: list(out.glob("soak-bisect-*/out/runs/*/workers/*")), "a try")
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 128 + signal.SIGINT, done.stderr
    assert "not found" in done.stdout
    assert not list(out.iterdir())
    assert len(git(soak.folder, "worktree", "list").splitlines()) == 1


def test_an_interrupt_of_a_build_is_one_too(soak: Soak) -> None:
    """No run listens to signals then: exit code 130, what is known, and no checkout is left behind."""
    shop = Shop(soak, [GOOD, BAD])
    (soak.folder / "tmp").mkdir()
    env = {**shop.env, "TMPDIR": str(soak.folder / "tmp")}
    words = ("--good", shop.commits[0], "--build", "touch $TRIES.built; exec sleep 60")
    running = soak.start("bisect", shop.finding, *words, env=env)
    running.wait_exists(soak.folder / "tries.built")
    running.send(signal.SIGINT)
    done = running.finish()
    assert done.code == 128 + signal.SIGINT, done.stderr
    assert "not found: no try at" in done.stdout
    assert not list((soak.folder / "tmp").iterdir())
