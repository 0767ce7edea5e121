from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.emulator.training.conftest import MakeSpec
from vertex_emulator.model.checkpoint import Checkpoint
from vertex_emulator.serving.model import ServedModel
from vertex_emulator.training.metrics import Metrics
from vertex_emulator.training.spec import Phase, Progress, TrainingSpec

WORKER = (sys.executable, "-m", "vertex_emulator.training.worker", "spec.json", "progress.json")
SOON = 60.0  # seconds; far more than is ever needed, so that only a hang fails


def seen(folder: Path) -> Progress | None:
    path = folder / "progress.json"
    return msgspec.json.decode(path.read_bytes(), type=Progress) if path.exists() else None


def watch(folder: Path, worker: subprocess.Popen[bytes]) -> Iterator[Progress]:
    """Every different progress file until the worker ends, each of which must be whole."""
    last, deadline = None, time.monotonic() + SOON
    while worker.poll() is None and time.monotonic() < deadline:
        if (now := seen(folder)) not in (None, last):
            last = now
            yield last
        time.sleep(0.01)


def put(folder: Path, given: TrainingSpec) -> None:
    (folder / "spec.json").write_bytes(msgspec.json.encode(given))


@pytest.fixture
def endless(base: Checkpoint, make_spec: MakeSpec) -> TrainingSpec:
    """A job that does not end by itself while a test runs; its base model is already there."""
    return make_spec(epochs=100_000)


def test_a_job_runs_to_its_end_in_a_process_of_its_own(
    tmp_path: Path, base: Checkpoint, make_spec: MakeSpec
) -> None:
    given = make_spec(epochs=3)
    put(tmp_path, given)
    worker = subprocess.Popen(WORKER, cwd=tmp_path)
    reports = list(watch(tmp_path, worker))
    assert worker.wait(SOON) == 0

    phases = [report.phase for report in reports]
    assert phases[0] is Phase.PREPARING
    assert Phase.TRAINING in phases
    last = seen(tmp_path)
    assert last is not None
    assert (last.phase, last.epoch, last.step, last.reason) == (Phase.DONE, 3, last.steps, None)
    assert last.examples == 48
    metrics = msgspec.json.decode((Path(given.output_dir) / "metrics.json").read_bytes(), type=Metrics)
    assert last.validation_loss == metrics.epochs[-1].validation_loss
    ServedModel.load(Path(given.output_dir) / "checkpoints" / "final")


def wait_for_training(folder: Path, worker: subprocess.Popen[bytes]) -> None:
    assert any(report.step > 0 for report in watch(folder, worker)), "the worker ended before it trained"


def test_sigterm_ends_it_at_once_and_leaves_no_half_artifact(tmp_path: Path, endless: TrainingSpec) -> None:
    put(tmp_path, endless)
    worker = subprocess.Popen(WORKER, cwd=tmp_path)
    try:
        wait_for_training(tmp_path, worker)
        worker.terminate()
        assert worker.wait(5) == -signal.SIGTERM
    finally:
        worker.kill()
        worker.wait()
    assert not Path(endless.output_dir).exists()


def test_it_does_not_outlive_the_process_that_started_it(tmp_path: Path, endless: TrainingSpec) -> None:
    """Both hold the write end of the output that is read here, so it closes only when both have ended."""
    put(tmp_path, endless)
    start = f"import subprocess; w = subprocess.Popen({WORKER!r}); print(w.pid, flush=True); w.wait()"
    parent = subprocess.Popen([sys.executable, "-c", start], cwd=tmp_path, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    try:
        wait_for_training(tmp_path, parent)
        parent.kill()
        rest, _ = parent.communicate(timeout=10)
        assert rest == b""
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        raise
    finally:
        parent.kill()
        parent.wait()


def test_a_fault_of_the_program_is_told_as_one(tmp_path: Path, make_spec: MakeSpec) -> None:
    """A bug is not blamed on the input: exit status 1, a traceback, and a job that has failed."""
    put(tmp_path, make_spec())
    broken = (
        "import sys, vertex_emulator.training.worker as worker\n"
        "def read_inputs(spec): raise KeyError('a bug')\n"
        "worker.read_inputs = read_inputs\n"
        "sys.exit(worker.main(['spec.json', 'progress.json']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", broken],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    last = seen(tmp_path)
    assert last is not None
    assert (last.phase, last.reason) == (Phase.FAILED, "internal error: KeyError('a bug')")


def test_the_worker_is_called_with_two_files() -> None:
    ended = subprocess.run(WORKER[:-1], capture_output=True, text=True, timeout=SOON, check=False)
    assert (ended.returncode, ended.stderr) == (
        2,
        "usage: python -m vertex_emulator.training.worker SPEC.json PROGRESS.json\n",
    )
