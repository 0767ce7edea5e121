"""Workers that examine the parts of a large file while it is hashed.

Neither fork nor multiprocessing will do. A Pulumi program has threads of gRPC, which do not survive a fork,
and multiprocessing would run the user's program once more in each worker, because that is what `__main__` is.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Final, NamedTuple, cast

import msgspec

from vertex_tuning.dataset.examiner import Examined, Part
from vertex_tuning.dataset.worker import receive, send

# Below this, starting workers takes longer than they save.
WORTH_A_CREW: Final = 64 << 20
MOST_PROCESSES: Final = 4
BEGUN_AHEAD: Final = 2

_Queue = SimpleQueue[tuple[Part, Future[Examined]] | None]

_EXAMINED: Final = msgspec.msgpack.Decoder(Examined)

# The packages around the worker are made up empty: the real ones import Pulumi.
_START: Final = """
import sys, types
file, folder, libraries = sys.argv[1:]
sys.path.append(libraries)
for name, path in (("vertex_tuning", f"{folder}/.."), ("vertex_tuning.dataset", folder)):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from vertex_tuning.dataset.worker import main
main(int(file))
"""


class CrewLost(Exception):
    """A worker could not be started, or died; the file has to be examined without them."""


def usable_cores() -> int:
    """How many this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_for(size: int) -> int:
    """How many workers a file of so many bytes deserves beside this process; 0 for none."""
    if size < WORTH_A_CREW or not sys.executable:
        return 0
    return min(usable_cores(), MOST_PROCESSES) - 1


@contextmanager
def crew(file: int, workers: int) -> Iterator[Callable[[Part], Future[Examined]]]:
    """So many workers on an open file, gone when the block ends, however it ends.

    Yields what puts a part in the queue for them. Its results raise CrewLost when a worker dies, as the start
    does when one cannot be started. To withdraw a part that none has begun, cancel its future.
    """
    queue: _Queue = SimpleQueue()

    def submit(part: Part) -> Future[Examined]:
        done: Future[Examined] = Future()
        queue.put((part, done))
        return done

    with ExitStack() as stack:
        members = [stack.enter_context(_started(file)) for _ in range(workers)]
        for member in members:
            feeder = Thread(target=_feed, args=(member, queue), name="dataset", daemon=True)
            feeder.start()
            stack.callback(feeder.join)
        for member in members:
            # What waits for an answer ends with its process, and what waits for a part by being told.
            stack.callback(member.process.kill)
            stack.callback(queue.put, None)
        yield submit


class _Worker(NamedTuple):
    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]

    def answer(self) -> Examined:
        """What the request that was sent first has come to."""
        if answer := receive(self.answers):
            return _EXAMINED.decode(answer)
        raise EOFError("a worker has ended")


def _feed(worker: _Worker, queue: _Queue) -> None:
    """Hand parts to a worker until there is no more, or it dies.

    It has its next part before it answers: this thread may wait milliseconds for its turn while the reading
    thread examines lines.
    """
    begun: deque[Future[Examined]] = deque()
    try:
        while True:
            while len(begun) < BEGUN_AHEAD:
                try:
                    taken = queue.get(block=not begun)
                except Empty:
                    break
                if taken is None:
                    return
                part, done = taken
                if done.set_running_or_notify_cancel():
                    begun.append(done)
                    send(worker.requests, part)
            begun[0].set_result(worker.answer())
            begun.popleft()
    except Exception as error:  # noqa: BLE001  whatever it is, somebody waits for what was begun
        for done in begun:
            done.set_exception(CrewLost(str(error)))


def import_folders() -> tuple[str, str]:
    """Where a worker finds this package and the libraries."""
    return str(Path(__file__).parent), str(Path(msgspec.__file__).parents[1])


@contextmanager
def _started(file: int) -> Iterator[_Worker]:
    try:
        process = subprocess.Popen(
            # Nothing of the user's environment takes part: no start-up files, no PYTHON* variables.
            [sys.executable, "-I", "-S", "-c", _START, str(file), *import_folders()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[file],
        )
    except OSError as error:
        raise CrewLost(str(error)) from error
    worker = _Worker(process, cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout))
    try:
        yield worker
    finally:
        process.kill()
        with suppress(OSError):  # a request that it did not live to read
            worker.requests.close()
        worker.answers.close()
        process.wait()
