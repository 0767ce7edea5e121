"""Killing `pulumi up` at a chosen call to Google, and what must be true afterwards."""

import enum
import json
import re
import time
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.emulator import RunningEmulator
from tests.support.running import Running, start
from tests.support.stack import STACK, Ran, Workspace

UP = ("up", "--yes", "--skip-preview", "--parallel", "64")
PROVIDER_STOPS_S = 3.0
"""A provider whose engine has died is gone by then; it looks twice a second."""
MAX_UPS = 30
_ARMING_S = 0.5
_RUNS_S = 120.0

Json = dict[str, Any]
When = Literal["before", "after"]
Ending = Literal["up", "revert", "destroy"]


class Victim(enum.StrEnum):
    """Who gets the SIGKILL."""

    ENGINE = "engine"
    BOTH = "engine and provider"


@dataclass(frozen=True)
class Calls:
    """Which call: the `nth` that matches, over all the `up`s of a run."""

    nth: int
    method: str | None = None
    path: str = "."


@dataclass(frozen=True)
class Point:
    """One way for a run to be cut off, and how it is taken up again.

    `when` is before the call has its effect, which then never comes, or after it, with the answer unheard.
    """

    at: Calls
    when: When
    victim: Victim
    ending: Ending


def resources(workspace: Workspace) -> list[Json]:
    """The state's resources, out of the backend's file: starting the engine to ask it takes long."""
    [file] = (workspace.folder / "state" / ".pulumi" / "stacks").rglob(f"{STACK}.json")
    found: list[Json] = json.loads(file.read_text())["checkpoint"]["latest"].get("resources") or []
    return found


def settled(workspace: Workspace) -> bool:
    """Whether the last resource of every service is ready."""
    phases = [
        resource["outputs"]["phase"]
        for resource in resources(workspace)
        if resource["type"].endswith("vertex:DeployedModel")
    ]
    return bool(phases) and set(phases) == {"ready"}


def brought_up(workspace: Workspace, most: int) -> list[Ran]:
    """Run `up` until everything is settled, at most so often; the runs."""
    ran: list[Ran] = []
    while len(ran) < most:
        ran.append(workspace.up())
        if ran[-1].ok and settled(workspace):
            break
    return ran


def killed(workspace: Workspace, emulator: RunningEmulator, point: Point) -> tuple[Running, float] | None:
    """Run `up` until it is killed at the point; the run, and in how many seconds its provider was gone.

    Without waiting that may take several. None when everything is settled before the call comes.
    """
    left = point.at.nth
    for _ in range(MAX_UPS):
        since = emulator.admin.last_request()
        running = start(workspace, *UP)
        try:
            _arm(emulator, running, point, left)
            assert running.ended(_RUNS_S) is not None, running.text
            emulator.admin.clear_faults()
            if running.process.returncode < 0:
                gone = running.providers_gone(PROVIDER_STOPS_S)
                assert gone is not None, f"outlived their engine: {running.left()}"
                return running, gone
            assert running.process.returncode == 0, running.text
        finally:
            emulator.admin.clear_faults()
            running.sweep()
        left -= sum(
            re.search(point.at.path, call["path"]) is not None and point.at.method in (None, call["method"])
            for call in emulator.admin.requests(since)
        )
        if settled(workspace):
            return None
    raise AssertionError(f"not settled after {MAX_UPS} runs")


def _arm(emulator: RunningEmulator, running: Running, point: Point, nth: int) -> None:
    """Have the emulator send the signals; the provider's process is found while its first call waits."""
    pids = [running.pid]
    taken = 0
    if point.victim is Victim.BOTH:
        emulator.admin.fault(".", "hang", seconds=_ARMING_S)
        deadline = time.monotonic() + _RUNS_S
        while not emulator.admin.faults()[0]["matched"]:
            assert running.process.poll() is None, running.text
            assert time.monotonic() < deadline, running.text
            time.sleep(0.01)
        pids += running.providers()
        # The call that waits is a look.
        taken = 1 if point.at.path == "." and point.at.method in (None, "GET") else 0
    call: Json = {"method": point.at.method, "nth": max(nth - taken, 1)}
    for pid in pids:
        emulator.admin.fault(point.at.path, "signal", pid=pid, when=point.when, **call)
    if point.when == "before":
        emulator.admin.fault(point.at.path, "fail_before", **call)


def summary(workspace: Workspace, project: str) -> list[Json]:
    """The state's resources as far as two runs must agree: type, name, inputs, phase.

    The project and its folder, which may be this run's alone, and the model's id, which is made of them, become
    common words. What the service or the engine chose (ids, tokens, times) is left out.
    """
    rows = [
        {
            "type": resource["type"],
            "name": resource["urn"].rsplit("::", 1)[1],
            "inputs": {
                key: value for key, value in resource.get("inputs", {}).items() if key != "__provider"
            },
            "phase": resource.get("outputs", {}).get("phase"),
            "going": bool(resource.get("delete")),
        }
        for resource in resources(workspace)
        if not resource["type"].startswith("pulumi:")
    ]
    rows.sort(key=lambda row: (row["type"], row["name"]))
    text = json.dumps(rows, sort_keys=True).replace(project, "PROJECT")
    models = [row["inputs"]["model_id"] for row in rows if "model_id" in row["inputs"]]
    for number, model in enumerate(models):
        text = text.replace(model, f"MODEL {number}")
    found: list[Json] = json.loads(text)
    return found


def owned_endpoints(workspace: Workspace) -> set[str]:
    """Ids of the endpoints that the state owns."""
    return {
        str(resource["inputs"]["endpoint_id"])
        for resource in resources(workspace)
        if resource["type"].endswith("vertex:Endpoint")
    }
