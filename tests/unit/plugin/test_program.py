"""What ``speed_up`` changes in a program's process, and that another SDK merely keeps its own ways."""

import subprocess
import sys

import pytest

SHOWN = """
import asyncio, gc
from pulumi.runtime import resource, stack
print(gc.isenabled(), stack.asyncio is asyncio, resource._get_stack_trace.__module__ == resource.__name__)
"""


def shown(before: str) -> str:
    """Whether garbage is collected, the SDK's wait is its own, and a stack trace is taken."""
    code = f"{before}\ndef declare():\n    exec({SHOWN!r}, {{}})\ndeclare()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.strip()


@pytest.mark.parametrize(
    ("before", "expected", "why"),
    [
        ("from vertex_tuning import speed_up; speed_up()", "False False False", "asked for"),
        ("from vertex_tuning import speed_up; speed_up(); speed_up()", "False False False", "twice is once"),
        ("from vertex_tuning import TunedModelService", "True True True", "an import changes nothing"),
        (
            "from pulumi.runtime import stack; stack.wait_for_rpcs = print\nimport vertex_tuning as v; v.speed_up()",
            "False True False",
            "an SDK that waits otherwise waits as it does",
        ),
    ],
)
def test_only_what_is_asked_for_changes(before: str, expected: str, why: str) -> None:
    assert shown(before) == expected, why


def test_the_sdks_wait_still_ends_with_the_first_error() -> None:
    code = """
import asyncio
from vertex_tuning import speed_up
speed_up()
from pulumi.runtime import stack

async def fails():
    raise ValueError("no")

async def main():
    slow = asyncio.ensure_future(asyncio.sleep(60))
    done, left = await stack.asyncio.wait([asyncio.ensure_future(fails()), slow], return_when="FIRST_COMPLETED")
    print(len(done), left == {slow})
    slow.cancel()

asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.strip() == "1 True"
