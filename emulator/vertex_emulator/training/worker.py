"""The training process: ``python -m vertex_emulator.training.worker SPEC.json PROGRESS.json``.

Exit status 0: done. 2: the job cannot be trained as it was given, or its files cannot be read or written;
the progress file holds the reason. 1: a fault of this program, with its traceback. SIGTERM ends it at once:
every file is put in place in one step, so nothing has to be tidied. It ends by itself when the process that
started it dies.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import msgspec

from vertex_emulator.model.files import replace_file
from vertex_emulator.training.inputs import Inputs, read_inputs
from vertex_emulator.training.spec import Phase, Progress, TrainingError, TrainingSpec

_WRITE_EVERY = 0.2  # seconds
_LOOK_FOR_PARENT_EVERY = 0.5  # seconds


class ProgressFile:
    """Keeps the progress file current: at most five writes a second, and one for each new phase and epoch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written_at = -_WRITE_EVERY
        self._last = Progress(
            phase=Phase.PREPARING,
            epoch=0,
            epochs=0,
            step=0,
            steps=0,
            loss=None,
            validation_loss=None,
            examples=0,
            reason=None,
        )
        self._write()

    def report(self, progress: Progress) -> None:
        """Note where the job is."""
        turned = (progress.phase, progress.epoch) != (self._last.phase, self._last.epoch)
        self._last = progress
        if turned or time.monotonic() - self._written_at >= _WRITE_EVERY:
            self._write()

    def fail(self, reason: str) -> None:
        """Note that the job failed, where it was, and why in one line."""
        line = " ".join(reason.split())
        self.report(msgspec.structs.replace(self._last, phase=Phase.FAILED, reason=line))

    def _write(self) -> None:
        replace_file(self._path, msgspec.json.encode(self._last))
        self._written_at = time.monotonic()


def main(arguments: list[str]) -> int:
    """Run the job that SPEC.json describes and return the exit status."""
    _end_with(os.getppid())
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m vertex_emulator.training.worker SPEC.json PROGRESS.json\n")
        return 2
    progress = ProgressFile(Path(arguments[1]))
    try:
        spec = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=TrainingSpec)
        inputs = read_inputs(spec)
        progress.report(_prepared(inputs))
        _train(spec, inputs, progress)
    except (TrainingError, msgspec.MsgspecError, OSError) as error:
        progress.fail(str(error))
        return 2
    except Exception as error:
        progress.fail(f"internal error: {error!r}")
        raise
    return 0


def _prepared(inputs: Inputs) -> Progress:
    return Progress(
        phase=Phase.PREPARING,
        epoch=0,
        epochs=inputs.hyperparameters.epochs,
        step=0,
        steps=0,
        loss=None,
        validation_loss=None,
        examples=len(inputs.training),
        reason=None,
    )


def _train(spec: TrainingSpec, inputs: Inputs, progress: ProgressFile) -> None:
    # Imported here, since it imports JAX: input errors are reported before that.
    from vertex_emulator.training.job import run

    run(spec, inputs, progress.report)


def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_FOR_PARENT_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
