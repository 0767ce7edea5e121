"""The API server's process imports everything that is here but JAX, and stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MEGABYTES = 300
PROGRAM = """
import sys
from pathlib import Path
import vertex_emulator.training.dataset, vertex_emulator.training.inputs, vertex_emulator.training.spec
from vertex_emulator.serving.model import Sampling, ServedModel
ServedModel.load(Path(sys.argv[1])).generate("How many?", Sampling(max_tokens=8))
print(sorted({"jax", "jaxlib", "optax"} & sys.modules.keys()))
"""
PEAK = """
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def run(program: str, folder: Path) -> list[str]:
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()


def test_serving_imports_no_jax(folder: Path) -> None:
    assert run(PROGRAM, folder) == ["[]"]


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_serving_needs_little_memory(folder: Path) -> None:
    kilobytes = int(run(PROGRAM + PEAK, folder)[-1])
    print(f"peak {kilobytes // 1024} MB")
    assert kilobytes < MEGABYTES * 1024, "while it serves, and all the more while it idles"
