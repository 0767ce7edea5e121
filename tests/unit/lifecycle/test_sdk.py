"""What the plugin reaches into Pulumi's SDK for: an SDK that is built otherwise degrades and never breaks."""

import subprocess
import sys

import pytest

PROGRAM = """
import functools, sys, time
from concurrent.futures import ThreadPoolExecutor

def counted(method):
    calls = []
    {wraps}
    def inner(self, request, context):
        calls.append(request)
        return method(self, request, context)
    return inner

class DynamicResourceProviderServicer:
    {cancel}

from vertex_tuning.lifecycle import process
from vertex_tuning.resources import TuningDatasetProvider
process.say = lambda urn, text, **_: print(text, flush=True)
handler = getattr(DynamicResourceProviderServicer(), "Cancel", None)
pool = ThreadPoolExecutor(max_workers=4)
{configure}
print("configured")
if handler:
    handler(None, None)
print("heard" if process.COMMAND.cancelled.is_set() else "not heard")
"""
PLAIN = "def Cancel(self, request, context): return None"
IN_POOL = "pool.submit(TuningDatasetProvider().configure, None).result()"
TWICE = f"{IN_POOL}\n{IN_POOL}"
OUTSIDE = "TuningDatasetProvider().configure(None)"
CTRL_C, WORKERS = "Ctrl-C does not end a wait", "only 4 resources are worked on at a time"

CASES = {
    "as it is": (PLAIN, "", IN_POOL, [], "heard"),
    "wrapped, and says what it wraps": (
        f"@counted\n    {PLAIN}", "@functools.wraps(method)", IN_POOL, [], "heard"
    ),
    "wrapped by a closure": (f"@counted\n    {PLAIN}", "", TWICE, [CTRL_C], "not heard"),
    "no such method": ("pass", "", TWICE, [CTRL_C], "not heard"),
    "no function": ("Cancel = functools.partial(print)", "", IN_POOL, [CTRL_C], "not heard"),
    "no pool of threads": (PLAIN, "", OUTSIDE, [WORKERS], "heard"),
    "neither": ("pass", "", OUTSIDE, [WORKERS, CTRL_C], "not heard"),
}  # fmt: skip


@pytest.mark.parametrize(("cancel", "wraps", "configure", "lacks", "heard"), CASES.values(), ids=CASES)
def test_a_provider_works_with_another_sdk(
    cancel: str, wraps: str, configure: str, lacks: list[str], heard: str
) -> None:
    program = PROGRAM.format(cancel=cancel, wraps=wraps, configure=configure)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    lines = ran.stdout.splitlines()
    assert ran.returncode == 0, ran.stderr
    warnings = [line for line in lines if "not fully supported" in line]
    assert len(warnings) == (1 if lacks else 0), lines
    assert all(lack in warnings[0] for lack in lacks)
    assert lines[-1] == heard
