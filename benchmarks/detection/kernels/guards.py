"""The guard's own: a policy runs in a thread of its own, and nobody may change the scene meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel

_SOURCE = "the mutation guard of policy-driven simulations"


class CheckThenSubmit(Case):
    """Starts a policy where none runs: two callers look, both see none, and two policies run."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(max_workers=2)
        self.guard: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        self.policies: list[Future[None]] = []
        self.running = 0

    def threads(self) -> Sequence[Work]:
        return (self.start, self.start)

    def start(self) -> None:
        with self.guard:
            busy = any(not policy.done() for policy in self.policies)
            if not busy:
                self.policies.append(self.pool.submit(self.policy))

    def policy(self) -> None:
        self.running += 1
        assert self.running == 1
        self.running -= 1

    def check(self) -> None:
        self.pool.shutdown()
        for policy in self.policies:
            policy.result()


class CheckThenSubmitFixed(CheckThenSubmit):
    """Looking and starting are one."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()


class IteratedDict(Case):
    """The guard walks through the table of policies while another thread enters one."""

    def __init__(self) -> None:
        self.policies = {"arm": False, "leg": False}
        self.version = 0

    def threads(self) -> Sequence[Work]:
        return (self.mutate, self.register)

    def mutate(self) -> None:
        for running in self.policies.values():
            if running:
                return
        self.version += 1

    def register(self) -> None:
        self.policies["head"] = True


class IteratedDictFixed(IteratedDict):
    """It walks through a copy, made in one step."""

    def mutate(self) -> None:
        for running in tuple(self.policies.values()):
            if running:
                return
        self.version += 1


class RegisteredLate(Case):
    """A policy's thread is entered in the guard's list once it runs already."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: list[threading.Thread] = []
        self.version = 0
        self.torn = False

    def threads(self) -> Sequence[Work]:
        return (self.start, self.mutate)

    def start(self) -> None:
        worker = threading.Thread(target=self.policy, name="policy", daemon=True)
        worker.start()
        with self.lock:
            self.workers.append(worker)

    def policy(self) -> None:
        before = self.version
        for _step in range(3):
            self.torn = self.torn or self.version != before

    def mutate(self) -> None:
        with self.lock:
            if not any(worker.is_alive() for worker in self.workers):
                self.version += 1

    def check(self) -> None:
        for worker in self.workers:
            worker.join()
        assert not self.torn


class RegisteredLateFixed(RegisteredLate):
    """Starting and entering are one for the guard."""

    def start(self) -> None:
        worker = threading.Thread(target=self.policy, name="policy", daemon=True)
        with self.lock:
            worker.start()
            self.workers.append(worker)


class Window1000(Case):
    """A mutation is prepared over a thousand lines after it was allowed; the policy that starts meanwhile is
    a few lines long, and must be caught in them."""

    turns = 500

    def __init__(self) -> None:
        self.guard: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        self.running = False
        self.version = 0

    def threads(self) -> Sequence[Work]:
        return (self.mutate, self.policy)

    def mutate(self) -> None:
        with self.guard:
            if self.running:
                return
            prepared = 0
            for turn in range(self.turns):
                prepared += turn
            self.version = prepared

    def policy(self) -> None:
        with self.guard:
            self.running = True
            before = self.version
            after = self.version
            self.running = False
        assert before == after


class Window1000Fixed(Window1000):
    """Allowed is who holds the lock."""

    def __init__(self) -> None:
        super().__init__()
        self.guard = threading.Lock()


KERNELS = (
    Kernel(name="check_then_submit", source=_SOURCE, buggy=CheckThenSubmit, fixed=CheckThenSubmitFixed),
    Kernel(name="iterated_dict", source=_SOURCE, buggy=IteratedDict, fixed=IteratedDictFixed),
    Kernel(name="registered_late", source=_SOURCE, buggy=RegisteredLate, fixed=RegisteredLateFixed),
    Kernel(name="window_1000", source=_SOURCE, buggy=Window1000, fixed=Window1000Fixed),
)
