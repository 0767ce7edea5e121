"""What is wrong is refused in preview by the real engine: no traceback, nothing made."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import REPOSITORY, Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]


def test_every_mistake_in_one_failure(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    [good] = values["services"]
    wrong = [
        {**good, "name": "a", "tuning": {**good["tuning"], "epochs": 0, "adapter_size": 5}},
        {**good, "name": "b", "region": "us-centrl1", "tuning": {**good["tuning"], "epoch": 3}},
        {**good, "name": "c", "tuning": {**good["tuning"], "training_data": "nowhere.jsonl"}},
        {**good, "name": "c"},
    ]
    stack = workspace({**values, "services": wrong})
    since = emulator.admin.last_request()
    refused = stack.preview()
    assert not refused.ok
    for place in (
        "vertex-tuning:services[0].tuning.epochs: must be at least 1, not 0",
        "vertex-tuning:services[0].tuning.adapter_size: must be one of",
        "vertex-tuning:services[1].region: Vertex AI has no region 'us-centrl1'; did you mean us-central1",
        "vertex-tuning:services[1].tuning.epoch: unknown key; did you mean epochs",
        "vertex-tuning:services[2].tuning.training_data: nowhere.jsonl: there is no file ",
        "vertex-tuning:services[3].name: 'c' is used twice",
    ):
        assert place in refused.text
    assert "Traceback" not in refused.text
    assert not stack.up().ok
    assert emulator.admin.requests(since) == [], "Google was never asked"


def test_values_of_another_kind_are_told_with_everything_else(
    workspace: Make, values: dict[str, Any]
) -> None:
    """Pulumi hands structures over as text; what is none has to reach the check all the same."""
    stack = workspace(
        {**values, "region": "us-centrl1", "wait": "yes", "labels": None, "budget": "{", "team": 7}
    )
    refused = stack.preview()
    assert not refused.ok
    for place in (
        "vertex-tuning:region: Vertex AI has no region 'us-centrl1'",
        "vertex-tuning:wait: must be true or false, not 'yes'",
        "vertex-tuning:labels: must be a mapping, and the value is empty",
        "vertex-tuning:budget: must be a mapping, not '{'",
        "vertex-tuning:team: must be at most 63 lower-case letters",
    ):
        assert f"stacks/Pulumi.test.yaml: {place}" in refused.text
    stack.configure({**values, "services": None, "wait": "no"})
    refused = stack.preview()
    assert (
        "stacks/Pulumi.test.yaml: vertex-tuning:services: must be a list, and the value is empty"
        in refused.text
    )
    assert "stacks/Pulumi.test.yaml: vertex-tuning:wait: must be true or false, not 'no'" in refused.text
    assert "Traceback" not in refused.text


def test_a_missing_bucket_fails_the_preview(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace({**values, "output_uri": "gs://no-such-bucket/models"})
    refused = stack.preview()
    assert not refused.ok
    assert "property output_uri value {gs://no-such-bucket/models} has a problem" in refused.text
    assert "output bucket gs://no-such-bucket is not there (gcloud storage buckets create" in refused.text
    assert "Traceback" not in refused.text


def test_all_services_missing_buckets_are_told_at_once(workspace: Make, values: dict[str, Any]) -> None:
    [service] = values["services"]
    outputs = {"one": "gs://no-such-one/a", "two": "gs://no-such-two/b", "good": values["output_uri"]}
    services = [{**service, "name": name, "output_uri": uri} for name, uri in outputs.items()]
    refused = workspace({**values, "services": services}).preview()
    assert not refused.ok
    for missing in ("no-such-one", "no-such-two"):
        assert f"output bucket gs://{missing} is not there (gcloud" in refused.text
    assert "Traceback" not in refused.text


def test_everything_missing_is_told_at_once(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    # What is looked at can be looked at: with these off too, all that can be said is "not checked".
    looks = [f"{api}.googleapis.com" for api in ("cloudbilling", "cloudquotas", "serviceusage")]
    emulator.admin.project("bare-project", billing_enabled=False, services=looks, tuning_quota=0)
    stack = workspace({**values, "project": "bare-project", "output_uri": "gs://no-such-bucket/models"})
    for refused in (stack.preview(), stack.up()):
        assert not refused.ok
        for missing in ("billing is off", "APIs are off: aiplatform", "gs://no-such-bucket", "quota"):
            assert missing in refused.text
    assert emulator.admin.count("POST", "/tuningJobs") == 0


def test_direct_use_of_a_resource_is_checked_by_the_same_models(workspace: Make) -> None:
    stack = workspace(
        program=(
            "from vertex_tuning import TuningJob\n"
            "TuningJob('j', dict(project='test-project', region='us-central1', output_uri='gs://b/c',"
            " service='s', owner='o', fingerprint='f', owner_label='o', job_output_uri='gs://bbb/c',"
            " base_model='meta/llama3_1@llama-3.1-8b', mode='FULL', training_uri='gs://bbb/t.jsonl',"
            " display_name='d', epochs=0))\n"
        )
    )
    refused = stack.preview()
    assert not refused.ok
    assert "epochs" in refused.text
    assert "must be at least 1" in refused.text
    assert "Traceback" not in refused.text


@pytest.mark.parametrize(
    "name", sorted(path.stem.removeprefix("Pulumi.") for path in REPOSITORY.glob("stacks/Pulumi.*.yaml"))
)
def test_the_repositorys_own_stacks_preview(workspace: Make, name: str) -> None:
    stack = workspace()
    if name != "demo-local":
        stack = Workspace(stack.folder, endpoint=None)
    # A stack's own file leans on what the repository's stacks share.
    for shared in ("data", "stacks/defaults.yaml", "stacks/environments", "stacks/teams"):
        (stack.folder / shared).symlink_to(REPOSITORY / shared)
    written = (REPOSITORY / "stacks" / f"Pulumi.{name}.yaml").read_text()
    text = "\n".join(line for line in written.splitlines() if not line.startswith("encryptionsalt"))
    text = text.replace("gs://demo-local-tuning", "gs://test-bucket")
    (stack.folder / "stacks" / "Pulumi.test.yaml").write_text(text + "\n")
    ran = stack.preview()
    assert ran.ok, ran.text
    assert "TuningJob" in ran.text
    assert "starts a paid tuning" in ran.text, "what costs money is told before it happens"


def test_what_is_too_long_for_the_model_is_said_in_preview(
    workspace: Make, values: dict[str, Any], tmp_path: Path
) -> None:
    """It is no mistake: tokens are estimated. It is said before anything is paid for."""
    data = tmp_path / "long.jsonl"
    data.write_text(json.dumps({"prompt": "a" * 40_000, "completion": "b"}) + "\n")
    [service] = values["services"]
    service["tuning"] |= {"training_data": str(data)}
    said = workspace(values).preview()
    assert said.ok
    assert (
        f"{data}: the longest example has about 10,001 tokens, and meta/llama3_1@llama-3.1-8b takes"
        in said.text
    )


def test_neither_secrets_nor_programs_of_a_stack_file_get_through(
    workspace: Make, values: dict[str, Any], tmp_path: Path
) -> None:
    """Pulumi decrypts a secret for the program, whose resources' inputs would be written in plain text.

    A program that a stack file names would run with the deployer's rights; here it would leave a file behind.
    """
    stack = workspace(values)
    path = "vertex-tuning:services[0].serving.container.env.TOKEN"
    image = "vertex-tuning:services[0].serving.container.image_uri"
    assert stack.run("config", "set", "--path", image, "us-docker.pkg.dev/p/r/i:1").ok
    assert stack.run("config", "set", "--secret", "--path", path, "made-up-secret-123").ok

    refused = stack.up()

    assert not refused.ok
    assert f"{path}: has a secret value" in refused.text
    exported = stack.run("stack", "export")
    assert "made-up-secret-123" not in exported.text + refused.text

    del values["target"]
    ran = ["touch", str(tmp_path / "ran")]
    values["services"][0]["serving"] = {"evaluation": {"command": ran, "threshold": 0.5}}
    stack.configure(values)
    on_google = replace(stack, endpoint=None)
    for refused in (on_google.preview(), on_google.up()):
        assert not refused.ok
        assert "services[0].serving.evaluation.command: `touch" in refused.text
        assert "the policy does not allow it" in refused.text
    assert not (tmp_path / "ran").exists()
    assert {each["type"] for each in stack.state()} <= {"pulumi:pulumi:Stack"}
