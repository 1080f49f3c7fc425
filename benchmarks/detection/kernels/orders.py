"""Programs that are right under the order of threads that their author had in mind."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from benchmarks.detection.case import Case, Work
from benchmarks.detection.kernel import Kernel, Published


class Account(Case):
    """A checker that expects the deposit to be subtracted, once both bookings are done."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.start = 1
        self.paid_in = 2
        self.paid_out = 4
        self.balance = self.start
        self.deposited = False
        self.withdrawn = False

    def threads(self) -> Sequence[Work]:
        return (self.check_result, self.deposit, self.withdraw)

    def deposit(self) -> None:
        with self.lock:
            read = self.balance
            self.balance = read + self.paid_in
            self.deposited = True

    def withdraw(self) -> None:
        with self.lock:
            read = self.balance
            self.balance = read - self.paid_out
            self.withdrawn = True

    def check_result(self) -> None:
        with self.lock:
            if self.deposited and self.withdrawn:
                assert self.balance == self.expected()

    def expected(self) -> int:
        return self.start - self.paid_in - self.paid_out


class AccountFixed(Account):
    """A deposit is added."""

    def expected(self) -> int:
        return self.start + self.paid_in - self.paid_out


class Lazy01(Case):
    """The last thread expects that the two before it have not both been there."""

    limit = 3

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.data = 0

    def threads(self) -> Sequence[Work]:
        return (self.add_one, self.add_two, self.look)

    def add_one(self) -> None:
        with self.lock:
            read = self.data
            self.data = read + 1

    def add_two(self) -> None:
        with self.lock:
            read = self.data
            self.data = read + 2

    def look(self) -> None:
        with self.lock:
            assert self.data < self.limit


class Lazy01Fixed(Lazy01):
    """It expects no more than both can have added."""

    limit = 4


class TokenRing(Case):
    """Three stations hand a value on, whoever comes first; a fourth thread expects it to be everywhere."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.x1 = 1
        self.x2 = 2
        self.x3 = 1
        self.done = [False, False, False]

    def threads(self) -> Sequence[Work]:
        return (self.first, self.second, self.third, self.look)

    def wait_turn(self, station: int) -> None:
        """The original's stations do not wait for the one before."""

    def first(self) -> None:
        with self.lock:
            self.x1 = (self.x3 + 1) % 4
            self.done[0] = True
            self.lock.notify_all()

    def second(self) -> None:
        with self.lock:
            self.wait_turn(1)
            self.x2 = self.x1
            self.done[1] = True
            self.lock.notify_all()

    def third(self) -> None:
        with self.lock:
            self.wait_turn(2)
            self.x3 = self.x2
            self.done[2] = True
            self.lock.notify_all()

    def look(self) -> None:
        with self.lock:
            if self.done[0] and self.done[1] and self.done[2]:
                assert self.x1 == self.x2 == self.x3


class TokenRingFixed(TokenRing):
    """Each station waits for the one before."""

    def wait_turn(self, station: int) -> None:
        while not self.done[station - 1]:
            self.lock.wait()


class BluetoothDriver(Case):
    """A request looks whether the driver is being stopped, and only then counts itself as pending."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pending = 1
        self.stopping = False
        self.idle = False
        self.stopped = False

    def threads(self) -> Sequence[Work]:
        return (self.stop,)

    def main(self) -> None:
        if self.enter():
            assert not self.stopped
        self.leave()

    def enter(self) -> bool:
        if self.stopping:
            return False
        with self.lock:
            read = self.pending
            self.pending = read + 1
        return True

    def leave(self) -> None:
        with self.lock:
            read = self.pending
            self.pending = read - 1
            left = self.pending
        if left == 0:
            self.idle = True

    def stop(self) -> None:
        self.stopping = True
        self.leave()
        if self.idle:
            self.stopped = True


class BluetoothDriverFixed(BluetoothDriver):
    """It counts itself first, and looks then."""

    def enter(self) -> bool:
        with self.lock:
            read = self.pending
            self.pending = read + 1
        return not self.stopping


KERNELS = (
    Kernel(
        name="account",
        source="SCTBench, CS.account_bad",
        buggy=Account,
        fixed=AccountFixed,
        published=Published(pos=1, pct3=6, rff=1),
    ),
    Kernel(
        name="lazy01",
        source="SCTBench, CS.lazy01_bad",
        buggy=Lazy01,
        fixed=Lazy01Fixed,
        published=Published(pos=4, pct3=10, rff=5),
    ),
    Kernel(
        name="token_ring",
        source="SCTBench, CS.token_ring_bad",
        buggy=TokenRing,
        fixed=TokenRingFixed,
        published=Published(pos=5, pct3=5, rff=3),
    ),
    Kernel(
        name="bluetooth_driver",
        source="SCTBench, CS.bluetooth_driver_bad; Qadeer and Wu, KISS, PLDI 2004",
        buggy=BluetoothDriver,
        fixed=BluetoothDriverFixed,
        published=Published(pos=42, pct3=111, rff=45),
    ),
)
