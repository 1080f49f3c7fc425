"""What hangs in the golden stacks: a removal waits, with the lock held, for a worker that needs it.

``python arm.py`` hangs, prints its threads (name, native id, ident), and a faulthandler dump on SIGUSR1.
"""

import faulthandler
import signal
import sys
import threading


class Arm:
    """An arm whose worker takes a last look before it ends."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.removing = threading.Event()
        self.worker = threading.Thread(target=self._work, name="worker")

    def remove(self) -> None:
        with self.lock:
            self._drain()

    def look(self) -> None:
        self.removing.wait()
        with self.lock:
            pass

    def _drain(self) -> None:
        self.removing.set()
        self.worker.join()

    def _work(self) -> None:
        self.look()


def main() -> None:
    faulthandler.register(signal.SIGUSR1)
    arm = Arm()
    arm.worker.start()
    threads = [threading.Thread(target=arm.remove, name="remove")]
    threads += [threading.Thread(target=arm.look, name=f"look-{number}") for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in (*threads, threading.main_thread()):
        sys.stdout.write(f"{thread.name} {thread.native_id} {thread.ident}\n")
    sys.stdout.flush()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
