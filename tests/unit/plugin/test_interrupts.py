"""When a resource fails the engine interrupts the program: the error is to be seen, not a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from vertex_tuning.lifecycle.declared import LANGUAGE_HOST

# As Pulumi's script of that name does it. Who runs the tests may ignore interrupts, and children inherit that.
HOST = "import runpy, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nsys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
INTERRUPTED = """
import os, signal
from vertex_tuning.lifecycle import Declared
{before}
try:
    Declared("name", {{}})
except Exception:
    pass  # there is no engine to declare it to
os.kill(os.getpid(), signal.SIGINT)
"""

CASES = [
    (LANGUAGE_HOST, "", -2, "", "run by Pulumi"),
    ("program", "", -2, "KeyboardInterrupt", "run by anything else: as Python does it"),
    (
        LANGUAGE_HOST,
        "signal.signal(signal.SIGINT, lambda *_: print('heard', flush=True))",
        0,
        "heard",
        "it listens itself",
    ),
]


@pytest.mark.parametrize(("host", "before", "status", "said", "why"), CASES, ids=[case[4] for case in CASES])
def test_an_interrupted_program(
    tmp_path: Path, host: str, before: str, status: int, said: str, why: str
) -> None:
    (tmp_path / host).write_text(HOST)
    program = tmp_path / "main.py"
    program.write_text(INTERRUPTED.format(before=before))
    ran = subprocess.run(
        [sys.executable, tmp_path / host, program], capture_output=True, text=True, check=False
    )
    told = ran.stdout + ran.stderr
    assert ran.returncode == status, told
    assert said in told if said else told == "", why
