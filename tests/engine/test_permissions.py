"""Least privilege, held against what is done: every call has its permission, every permission its call."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BUCKET, PROJECT, write_sums
from tests.support import gcp_plugin
from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_emulator.api.served import TABLE
from vertex_tuning.permissions import PERMISSIONS, Permission, Role, needed
from vertex_tuning.vertex import Connection, connect

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
QUESTION = "Ticket 1: charged twice.\nTeam:"
INSTRUCT = "meta/llama3_1@llama-3.1-8b-instruct"


def calls(emulator: RunningEmulator, since: int) -> set[str]:
    """Google's names of the methods that were called."""
    found = set()
    for entry in emulator.admin.requests(since):
        match = TABLE.match(entry["method"], entry["path"])
        assert match is not None, entry
        if not entry["path"].startswith("/emulator/"):
            found.add(match[0].google)
    return found


def given(roles: set[Role], using: str) -> list[Permission]:
    """What these roles hold, and what has to be added to them for one property or option."""
    return [each for each in PERMISSIONS if each.role in roles and each.when in ("", using)]


def check_covered(made: set[str], roles: set[Role], using: str = "") -> None:
    held = given(roles, using)
    without = [call for call, wanted in needed(made).items() if not any(each in held for each in wanted)]
    assert without == [], f"calls that {', '.join(sorted(roles))} do not cover"


def check(made: set[str], roles: set[Role], using: str = "") -> None:
    check_covered(made, roles, using)
    unused = [each for each in given(roles, using) if not made & set(each.calls)]
    assert unused == [], "permissions that no call needs"


def command(stack: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from vertex_tuning.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_permission_says_why() -> None:
    for each in PERMISSIONS:
        assert each.calls or each.when, f"{each.name}: neither a call nor a property needs it"


def test_setting_a_project_up_takes_the_role_for_it(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    project = "role-project"
    emulator.admin.project(project, services=[], tuning_quota=0)
    quota = {
        "jobs": 2,
        "quota_id": "GlobalConcurrentManagedOssModelTuningJobs",
        "contact_email": "ml@example.com",
    }
    wanted = {
        **values,
        "project": project,
        "output_uri": f"gs://{project}-tuning/models",
        "prerequisites": "manage",
        "tuning_quota": quota,
        "services": [],
    }
    since = emulator.admin.last_request()
    stack = workspace(wanted, plugins=gcp_plugin.FOLDER, plugin_settings=gcp_plugin.settings(emulator.url))
    for edit in ({}, {"tuning_quota": {**quota, "jobs": 3}, "environment": "other"}):
        stack.configure({**wanted, **edit})
        ran = stack.up()
        assert ran.ok, ran.text
    assert stack.destroy().ok
    looks = {
        "storage.objects.list",
        "google.api.cloudquotas.v1.CloudQuotas.GetQuotaInfo",
        "google.api.cloudquotas.v1.CloudQuotas.ListQuotaInfos",
        "google.api.cloudquotas.v1.CloudQuotas.ListQuotaPreferences",
    }
    check(calls(emulator, since) - looks, {Role.PREREQUISITES})


def check_commands(stack: Workspace, emulator: RunningEmulator, folder: Path) -> None:
    """Asking and pushing weights take a role of their own, which is not the deployer's."""
    served = stack.outputs()["tickets"]
    storage, weights = connect(Connection(endpoint=emulator.url)).storage, folder / "ours"
    weights.mkdir()
    for blob in storage.listed(served["artifacts_uri"]):
        storage.download(blob.uri, weights / blob.uri.rsplit("/", 1)[1])
    ask, bases = ("predict", served["endpoint"], "--prompt", QUESTION), f"gs://{BUCKET}/bases/ours"

    def made_by(*arguments: str) -> set[str]:
        since = emulator.admin.last_request()
        ran = command(stack, *arguments)
        assert ran.returncode == 0, ran.stderr
        return calls(emulator, since)

    check(made_by(*ask), {Role.CALLER})
    check(made_by(*ask, "--compare-base"), {Role.CALLER}, "--compare-base")
    push = ("weights", "push", str(weights), bases, "--base-model", INSTRUCT)
    check_covered(made_by(*push), {Role.BUCKET})


def test_a_stack_s_life_takes_the_deployer_s_roles_and_no_more(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path
) -> None:
    emulator.admin.fault(r"^/storage/v1/b/[^/]+(\?|$)", "fail_before", method="GET", times=None, status=403)
    [service] = values["services"]
    export = f"{values['output_uri']}-copy"
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text(json.dumps({"prompt": QUESTION, "expected": " billing"}) + "\n")
    evaluation = {"prompts": str(prompts), "threshold": 0.0, "max_tokens": 4}
    tuning = {**service["tuning"], "base_model": INSTRUCT}
    service = {**service, "tuning": tuning, "export_uri": export, "serving": {"evaluation": evaluation}}
    since = emulator.admin.last_request()
    stack = workspace({**values, "services": [service]})
    edits: tuple[dict[str, Any], ...] = (
        {},
        {"labels": {"cost-centre": "a1"}, "serving": {**service["serving"], "max_replicas": 2}},
        {"tuning": {**tuning, "epochs": 2}, "serving": {"max_replicas": 2}},
    )
    for edit in edits:
        stack.configure({**values, "services": [{**service, **edit}]})
        if "tuning" in edit:  # a call whose answer says nothing is looked for among the operations
            emulator.admin.fault(":deployModel", "fail_before", method="POST", status=503)
            stack.up()
        ran = stack.up()
        assert ran.ok, ran.text

    private = {
        **service,
        "name": "private",
        "serving": {"private_service_connect": [PROJECT]},
        "tuning": {**tuning, "epochs": 50, "training_data": str(write_sums(tmp_path / "long.jsonl"))},
    }
    hurried = workspace({**values, "wait": False, "services": [private]})
    assert hurried.up().ok
    assert hurried.destroy().ok

    made = calls(emulator, since)
    check_commands(stack, emulator, tmp_path)
    since = emulator.admin.last_request()
    state = tmp_path / "stack.json"
    state.write_text(stack.run("stack", "export").text)
    place = ("--project", PROJECT, "--region", values["region"])
    command(stack, "doctor", str(state), *place)
    assert stack.refresh().ok
    gone = stack.destroy()
    assert gone.ok, gone.text

    made |= calls(emulator, since)
    check(made, {Role.DEPLOYER, Role.BUCKET}, "evaluation")
