"""Short-lived children that probe what an interpreter can do, each bounded in time."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a child ended: exit status (None where it could not be run or was late), output, and why not."""

    status: int | None
    stdout: str
    stderr: str
    problem: str = ""

    @property
    def last_words(self) -> str:
        """Why there is no answer, or the last line of standard error."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return self.problem or (lines[-1][:200] if lines else f"exit status {self.status}, without a word")


def ask(argv: Sequence[str], *, seconds: float, env: Mapping[str, str] | None = None) -> Answer:
    """Run ``argv`` in an empty folder of its own for at most ``seconds``; never raises for what it does."""
    with tempfile.TemporaryDirectory(prefix="soak-probe-") as folder:  # MuJoCo leaves its log where it runs
        try:
            ended = subprocess.run(
                list(argv),
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired:
            return Answer(status=None, stdout="", stderr="", problem=f"no answer within {seconds:g} s")
        except OSError as error:
            return Answer(status=None, stdout="", stderr="", problem=f"{argv[0]}: {error.strerror}")
    return Answer(status=ended.returncode, stdout=ended.stdout, stderr=ended.stderr)
