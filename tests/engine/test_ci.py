"""The workflows' commands on the real engine, against the embedded service and a stand-in for GitHub."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import write_sums
from tests.support.emulator import RunningEmulator
from tests.support.github import StandIn, stand_in
from tests.support.stack import REPOSITORY, STACK, Ran, Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
PULL_REQUEST = 7


@pytest.fixture
def github() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


def environment(stack: Workspace, github: StandIn | None) -> dict[str, str]:
    """What a runner sets."""
    event = stack.folder / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": PULL_REQUEST}}))
    return {
        **stack.environment,
        "PYTHONPATH": f"{REPOSITORY}/providers:{REPOSITORY}",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(stack.folder / "summary.md"),
        "GITHUB_OUTPUT": str(stack.folder / "output"),
        **(github.environment() if github else {}),
    }


def ci(stack: Workspace, command: str, *arguments: str, github: StandIn | None = None) -> Ran:
    """Run a command as a job does: in the checkout."""
    ran = subprocess.run(
        [sys.executable, "-m", "tools.ci", command, *arguments],
        cwd=stack.folder,
        env=environment(stack, github),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout + ran.stderr)


def comment(github: StandIn) -> str:
    [found] = github.comments[PULL_REQUEST]
    body: str = found["body"]
    return body


def undeploy(emulator: RunningEmulator, stack: Workspace) -> None:
    """What somebody does in the console."""
    url = f"{emulator.url}/v1/{stack.outputs()['tickets']['endpoint']}"
    [deployed] = httpx.get(url, timeout=60).json()["deployedModels"]
    body = {"deployedModelId": deployed["id"], "trafficSplit": {}}
    httpx.post(f"{url}:undeployModel", json=body, timeout=60).raise_for_status()


def test_a_pull_request_has_one_comment(workspace: Make, values: dict[str, Any], github: StandIn) -> None:
    stack = workspace(values)
    assert stack.up().ok
    [service] = values["services"]
    stack.configure({**values, "services": [{**service, "tuning": {**service["tuning"], "epochs": 2}}]})
    ran = ci(stack, "preview", STACK, github=github)
    assert ran.ok, ran.text
    assert "1 service changed, 1 tuning to pay" in comment(github)
    assert "| `tuning.epochs` | `1` | `2` | re-train |" in comment(github)
    assert "**Edits of files**" in comment(github)
    assert "| replace | TuningJob tickets-job |" in comment(github)
    assert "starts a paid tuning" in comment(github)

    stack.configure({**values, "services": [{**service, "tuning": {**service["tuning"], "epochs": 0}}]})
    ran = ci(stack, "preview", STACK, github=github)
    assert ran.status == 1, ran.text
    assert "the preview failed" in comment(github)
    assert "services[0].tuning.epochs: must be at least 1, not 0" in comment(github)
    assert "Traceback" not in comment(github)

    stack.configure(values)
    assert ci(stack, "preview", STACK, github=github).ok
    assert f"`{STACK}`: nothing changes" in comment(github)


def test_drift_opens_one_issue_and_closes_it(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, github: StandIn
) -> None:
    stack = workspace(values)
    assert stack.up().ok
    assert ci(stack, "drift", STACK, github=github).ok
    assert github.issues == []

    undeploy(emulator, stack)
    for _ in range(2):
        ran = ci(stack, "drift", STACK, github=github)
        assert ran.ok, ran.text
    [issue] = github.issues
    assert (issue["state"], issue["title"], issue["labels"]) == ("open", f"Drift in {STACK}", ["drift"])
    assert "DeployedModel tickets-deployed" in issue["body"]

    left_alone = ci(stack, "settle", STACK, github=github)
    assert left_alone.ok
    assert "left alone, an `up` would also change DeployedModel tickets-deployed" in left_alone.text

    mended = stack.run("up", "--yes", "--skip-preview", "--refresh")
    assert mended.ok, mended.text
    assert ci(stack, "drift", STACK, github=github).ok
    assert [each["state"] for each in github.issues] == ["closed"]


def test_work_under_way_is_no_drift_and_settles_step_by_step(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, github: StandIn
) -> None:
    stack = workspace({**values, "wait": False})
    made = ci(stack, "up", STACK)
    assert made.ok, made.text
    assert "not settled: tickets" in (stack.folder / "summary.md").read_text()
    assert json.loads(ci(stack, "stacks", "--unsettled", "--target", "embedded").text) == [STACK]

    since = emulator.admin.last_request()
    end = time.monotonic() + 240
    while not stack.outputs()["tickets"]["settled"]:
        assert time.monotonic() < end, "a few looks are enough"
        assert ci(stack, "drift", STACK, github=github).ok
        ran = ci(stack, "settle", STACK, github=github)
        assert ran.ok, ran.text
    assert github.issues == []
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "nothing is paid for twice"
    assert ci(stack, "stacks", "--unsettled", "--target", "embedded").text.strip() == "[]"
    assert (stack.folder / "output").read_text().splitlines() == [f'stacks=["{STACK}"]', "stacks=[]"]


def test_an_edit_waits_for_its_own_up(workspace: Make, values: dict[str, Any], github: StandIn) -> None:
    stack = workspace({**values, "wait": False})
    assert stack.up().ok
    stack.configure({**values, "wait": False, "labels": {"cost": "new"}})
    ran = ci(stack, "settle", STACK, github=github)
    assert ran.ok, ran.text
    assert "left alone" in ran.text


def test_what_ended_badly_is_told_once_and_not_as_a_red_run_each_time(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, github: StandIn, tmp_path: Path
) -> None:
    [service] = values["services"]
    data = str(write_sums(tmp_path / "long.jsonl"))
    long = {**service, "tuning": {**service["tuning"], "epochs": 50, "training_data": data}}
    stack = workspace({**values, "wait": False, "services": [long]})
    assert ci(stack, "up", STACK).ok
    # Somebody's hand, because a job that fails by itself may do so within the first `up`.
    job = f"{emulator.url}/v1/{stack.outputs()['tickets']['job']}"
    httpx.post(f"{job}:cancel", json={}, timeout=60).raise_for_status()
    end = time.monotonic() + 120
    while not github.issues:
        assert time.monotonic() < end, "the job ends soon"
        assert ci(stack, "settle", STACK, github=github).ok
    for _ in range(2):
        ran = ci(stack, "settle", STACK, github=github)
        assert ran.ok, ran.text
        assert "nothing can move on yet" in ran.text
    [issue] = github.issues
    assert (issue["state"], issue["title"], issue["labels"]) == ("open", f"Failed in {STACK}", ["failed"])
    assert "was cancelled" in issue["body"]

    again = {**service, "tuning": {**service["tuning"], "attempt": 2}}
    stack.configure({**values, "services": [again]})
    assert ci(stack, "up", STACK).ok
    assert ci(stack, "settle", STACK, github=github).ok
    assert issue["state"] == "closed"


def lock(stack: Workspace) -> Path:
    """What another runner's command leaves while it works on the stack, which has been brought up once."""
    [folder] = (stack.folder / "state" / ".pulumi" / "locks").glob(f"**/{STACK}")
    held = folder / "another-run.json"
    holder = {"pid": 1, "username": "u", "hostname": "a-runner", "timestamp": "2026-01-01T00:00:00Z"}
    held.write_text(json.dumps(holder))
    return held


def test_up_waits_for_whoever_holds_the_lock_but_not_for_ever(
    workspace: Make, values: dict[str, Any]
) -> None:
    stack = workspace({**values, "services": []})
    assert ci(stack, "up", STACK).ok
    held = lock(stack)
    ran = ci(stack, "up", STACK, "--lock-wait", "0")
    assert ran.status == 1
    assert "error: the stack is currently locked by 1 lock(s)" in ran.text
    assert "created by u@a-runner (pid 1)" in ran.text

    said = []
    with subprocess.Popen(
        [sys.executable, "-m", "tools.ci", "up", STACK, "--lock-wait", "300"],
        cwd=stack.folder,
        env=environment(stack, None),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as waits:
        for line in waits.stdout or ():
            said.append(line)
            if line.startswith(f"{STACK}: locked; waiting for "):
                held.unlink(missing_ok=True)
    assert waits.returncode == 0, said
    assert not held.exists(), "it has said that it waits"


def test_settle_leaves_a_stack_alone_that_somebody_is_at_work_on(
    workspace: Make, values: dict[str, Any], github: StandIn
) -> None:
    stack = workspace({**values, "wait": False})
    assert ci(stack, "up", STACK).ok
    held = lock(stack)
    end = time.monotonic() + 240
    while "another run holds the lock" not in (ran := ci(stack, "settle", STACK, github=github)).text:
        assert ran.ok, ran.text
        assert "nothing can move on yet" in ran.text
        assert time.monotonic() < end, "the job ends soon, and then there is something to do"
    held.unlink()
    assert ran.ok, "whoever holds the lock brings it on"


def test_the_pull_request_of_a_stranger(workspace: Make, values: dict[str, Any], training_file: Path) -> None:
    stack = workspace()
    (stack.folder / "data").mkdir()
    (stack.folder / "data" / "train.jsonl").write_bytes(training_file.read_bytes())
    [service] = values["services"]
    tuning = {**service["tuning"], "training_data": "data/train.jsonl"}
    stack.configure({**values, "target": "google", "services": [{**service, "tuning": tuning}]})
    before = {path: path.read_bytes() for path in stack.folder.glob("stacks/*")}
    nobody = Workspace(stack.folder, None)
    ran = ci(nobody, "offline")
    assert ran.ok, ran.text
    summary = (stack.folder / "summary.md").read_text()
    assert "| create | TuningJob tickets-job |" in summary
    assert "starts a paid tuning" in summary
    assert {path: path.read_bytes() for path in stack.folder.glob("stacks/*")} == before

    (stack.folder / "data" / "train.jsonl").write_text("{}\n")
    ran = ci(nobody, "offline")
    assert ran.status == 1, ran.text
    assert f"stacks/Pulumi.{STACK}.yaml: vertex-tuning:services[0].tuning.training_data: " in ran.text


def test_a_stranger_is_told_that_other_stacks_are_not_looked_at(
    workspace: Make, values: dict[str, Any]
) -> None:
    stack = workspace()
    source = {"stack": "organization/vertex-tuning/other", "service": "tickets"}
    reads = {"name": "tickets", "from_stack": source}
    stack.configure({**values, "target": "google", "services": [reads]})
    ran = ci(Workspace(stack.folder, None), "offline")
    assert ran.ok, ran.text
    summary = (stack.folder / "summary.md").read_text()
    assert "not checked: what tickets of organization/vertex-tuning/other serves" in summary
    assert "| create | Endpoint tickets-endpoint |" in summary


def test_a_stack_that_nobody_has_made(workspace: Make, values: dict[str, Any], github: StandIn) -> None:
    stack = workspace(values)
    assert ci(stack, "preview", "other", github=github).ok
    assert "`other`: new" in comment(github)
    ran = ci(stack, "up", "other")
    assert ran.status == 1
    make = 'pulumi stack init other --secrets-provider "gcpkms://…"'
    assert ran.text == f"error: there is no stack other yet; make it once: {make}\n"


def test_a_stack_that_is_no_longer_touched_says_so(
    workspace: Make, values: dict[str, Any], github: StandIn
) -> None:
    stack = workspace({**values, "target": "google"})
    for name in (STACK, "gone"):
        github.add_comment(PULL_REQUEST, f"<!-- vertex-tuning preview {name} -->\n1 tuning to pay")
    ran = ci(stack, "tidy", github=github)
    assert (ran.status, ran.text) == (0, "gone: no longer touched\n")
    assert [comment["body"].partition("\n")[2] for comment in github.comments[PULL_REQUEST]] == [
        "1 tuning to pay",
        "### `gone`: no longer touched by this pull request\n",
    ]
