"""A correct scenario, on which nothing at all may be found."""

import random
import threading
from collections.abc import Generator

import soak


class Account:
    """Money that moves between two pockets under one lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left = 100
        self._right = 100

    def move(self, amount: int) -> None:
        with self._lock:
            self._left -= amount
            self._right += amount

    def total(self) -> int:
        with self._lock:
            return self._left + self._right


@soak.scenario(seconds=0.2, threads=3)
def quiet(target: object, rng: random.Random) -> Generator[Account, None, None]:
    """Three threads move money, and none of it is lost."""
    yield Account()


moved_back = quiet.sometimes("money moved back")


@quiet.operation()
def move(account: Account, rng: random.Random) -> None:
    amount = rng.randint(-5, 5)
    account.move(amount)
    moved_back(amount < 0)


@quiet.invariant("no money is lost")
def nothing_is_lost(account: Account) -> bool:
    return account.total() == 200


@quiet.check("no money was lost")
def nothing_was_lost(account: Account) -> bool:
    return account.total() == 200
