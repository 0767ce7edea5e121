"""Running a user's command that scores a model: bounded in time and in what is read of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

import msgspec

from ...decoding import REFUSED
from ...lifecycle.external import Clock
from ...vertex.errors import InvalidRequest

KEPT = 64 * 1024  # bytes of each stream, counted from its end
LOOK_SECONDS = 0.2
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
"""Of this process's environment a command gets these, what its evaluation names, and nothing else: tokens of
continuous integration and the passphrase of the state stay here."""


class Scored(msgspec.Struct, frozen=True):
    """What the command says of the model: ``score`` from 0 to 1, out of ``n`` examples if it tells."""

    score: float
    n: int = 1


_SCORE: msgspec.json.Decoder[Scored | float] = msgspec.json.Decoder(Scored | float)


class Ended(msgspec.Struct, frozen=True):
    """How a command ended; ``status`` is ``None`` when its time was over."""

    status: int | None
    output: str
    errors: str


def run(
    command: Sequence[str],
    folder: str,
    variables: Mapping[str, str],
    limit: float,
    clock: Clock,
    passed_on: Sequence[str] = (),
) -> Ended:
    """Run a command without a shell; what it started ends with it, and with this process, however that ends.

    Args:
        command: program and arguments.
        folder: where it runs.
        variables: added to its environment.
        limit: seconds after which it is ended.
        clock: ends the wait when the engine is asked to stop.
        passed_on: names of this process's variables that it gets beside ``PASSED_ON``.

    Raises:
        InvalidRequest: it cannot be started.
        Interrupted: the engine was asked to stop.
    """
    with _guard() as group:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env={**_kept((*PASSED_ON, *passed_on)), **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=group,
            )
        except OSError as error:
            raise InvalidRequest(
                f"evaluation.command: {command[0]} cannot be run in {folder}: {error}"
            ) from error
        tails = [_Tail(stream) for stream in (process.stdout, process.stderr) if stream is not None]
        status = _waited_for(process, limit, clock)
    process.wait()
    output, errors = (tail.text() for tail in tails)
    return Ended(status, output, errors)


def _kept(names: Sequence[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


@contextmanager
def _guard() -> Iterator[int]:
    """A process group that ends with the block, and with this process even when that is killed.

    It is led by a process that ends its group when the pipe to this one closes.
    """
    program = "import os, signal, sys; sys.stdin.read(); os.killpg(0, signal.SIGKILL)"
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield guard.pid
    finally:
        # Its group has its number until it is waited for, so that this can end nobody else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(guard.pid, signal.SIGKILL)
        guard.communicate()


def _waited_for(process: subprocess.Popen[bytes], limit: float, clock: Clock) -> int | None:
    end = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < end:
        clock.sleep(0.0)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_SECONDS)
    return process.poll()


def scored(ended: Ended) -> Scored:
    """The score in the last line of the output: an object, or a bare number.

    Raises:
        ValueError: it failed, ran out of time, or its last line is no score.
    """
    if ended.status is None:
        raise ValueError("the command took too long")
    if ended.status != 0:
        last = _last(ended.errors) or _last(ended.output)
        raise ValueError(f"the command ended with {ended.status}{': ' + last if last else ''}")
    line = _last(ended.output)
    if not line:
        raise ValueError("the command printed no score; end it with a number from 0 to 1, or {score, n}")
    try:
        said = _SCORE.decode(line)
    except REFUSED as error:
        raise ValueError(
            f"the command's last line is neither a number nor {{score, n}}: {line[:200]}"
        ) from error
    found = said if isinstance(said, Scored) else Scored(float(said))
    if not 0 <= found.score <= 1:
        raise ValueError(f"the command's score is {found.score}, not between 0 and 1")
    return found


class _Tail:
    """Reads a stream to its end and keeps the last of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while chunk := self._stream.read1(KEPT):  # type: ignore[attr-defined]
                self._kept = (self._kept + chunk)[-KEPT:]

    def text(self) -> str:
        """What was kept, once the stream has ended."""
        self._thread.join(timeout=5.0)
        return self._kept.decode(errors="replace")


def _last(text: str) -> str:
    return next((line.strip()[:500] for line in reversed(text.splitlines()) if line.strip()), "")
