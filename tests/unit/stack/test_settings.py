"""Every mistake that a stack file can hold is refused with its place, all of them at once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import REPOSITORY as ROOT
from vertex_tuning.stack import InvalidStack, Stack
from vertex_tuning.stack import load as load_stack
from vertex_tuning.vertex.connection import ENDPOINT

EMBEDDED = {ENDPOINT: "http://127.0.0.1:1"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "good.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "mixed.jsonl").write_text(
        '{"prompt": "a", "completion": "b"}\n{"messages": [{"role": "user", "content": "a"}, '
        '{"role": "assistant", "content": "b"}]}\n'
    )
    (tmp_path / "broken.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": \n')
    (tmp_path / "role.jsonl").write_text(
        '{"messages": [{"role": "robot", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    )
    (tmp_path / "unanswered.jsonl").write_text('{"messages": [{"role": "user", "content": "a"}]}\n')
    (tmp_path / "number.jsonl").write_text('{"prompt": 3, "completion": "b"}\n')
    (tmp_path / "latin1.jsonl").write_bytes('{"prompt": "é", "completion": "b"}\n'.encode("latin-1"))
    (tmp_path / "pointer.jsonl").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    )
    return tmp_path


def stack(data: Path, *services: Mapping[str, Any], **top: Any) -> dict[str, Any]:
    return {
        "team": "tests",
        "environment": "dev",
        "project": "test-project",
        "region": "us-central1",
        "output_uri": "gs://test-bucket/models",
        "services": [*services],
        **top,
    }


def service(data: Path, file: str = "good.jsonl", name: str = "one", **changes: Any) -> dict[str, Any]:
    tuning = {
        "base_model": "meta/llama3_1@llama-3.1-8b",
        "mode": "PEFT_ADAPTER",
        "training_data": str(data / file),
        **changes.pop("tuning", {}),
    }
    return {"name": name, "tuning": tuning, **changes}


def load(
    values: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    root: Path = Path(__file__).parent,
) -> Stack:
    return load_stack("tests-dev", values, environment or {}, root=root, working_folder=Path.cwd())


def mistakes(values: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidStack) as refused:
        load(values, environment)
    own = "  stacks/Pulumi.tests-dev.yaml: vertex-tuning:"
    lines = str(refused.value).splitlines()[1:]
    assert all(line.startswith(own) for line in lines), "each names the file and the key as written there"
    return [line.removeprefix(own) for line in lines]


G2 = {"machine_type": "g2-standard-12", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}

TUNING = [
    # (what is written, where it is wrong, what is said, why it is refused)
    (
        {"base_model": "meta/llama3_1@llama-3.1-8B"},
        "base_model",
        "llama-3.1-8b",
        "a typing error: the nearest are offered",
    ),
    (
        {"base_model": "Llama 3.1 8B"},
        "base_model",
        "unknown base model",
        "labels are shifted against ids: ids count",
    ),
    ({"base_model": "meta/llama3-2@llama-3.2-1b-instruct"}, "mode", "it allows FULL", "1B allows no adapter"),
    ({"mode": "LORA"}, "mode", "'FULL' or 'PEFT_ADAPTER'", "a closed set"),
    ({"epochs": 0}, "epochs", "at least 1", "nothing would be trained and something billed"),
    ({"epochs": 1.5}, "epochs", "whole number", "Vertex AI counts whole epochs"),
    ({"epochs": "3"}, "epochs", "whole number, not '3'", "text is not silently turned into a number"),
    (
        {"learning_rate": 1e-4, "learning_rate_multiplier": 2.0},
        "learning_rate_multiplier",
        "not both",
        "they contradict",
    ),
    ({"learning_rate": 0}, "learning_rate", "greater than 0", "nothing would be learned"),
    ({"adapter_size": 5}, "adapter_size", "1, 2, 4, 8, 16, 32", "a closed set"),
    ({"mode": "FULL", "adapter_size": 8}, "mode", "belongs to PEFT_ADAPTER", "there is no adapter"),
    (
        {"custom_base_model": "s3://x/y"},
        "custom_base_model",
        "gs://BUCKET/PATH",
        "only Cloud Storage is read",
    ),
    ({"custom_base_model": "gs://b-b-b/../c"}, "custom_base_model", "'..' part", "no way out of a folder"),
    ({"training_data": "gs://bucket"}, "training_data", "not an object", "a bucket holds no examples"),
    ({"training_data": "GS://bucket/x"}, "training_data", "gs://BUCKET/PATH", "no path on this machine"),
    ({"training_data": "gs:/bucket/x"}, "training_data", "gs://BUCKET/PATH", "a typing error"),
    ({"epoch": 3}, "epoch", "did you mean epochs", "an unknown key is never ignored"),
]

SERVICE = [
    ({"region": "us-centrl1"}, "region", "us-central1", "a typing error: the nearest are offered"),
    ({"output_uri": "gs:/bucket"}, "output_uri", "gs://BUCKET/PATH", "a typing error"),
    ({"name": "One!"}, "name", "must be at most 40 lower-case letters", "it becomes part of ids"),
    (
        {"project": "P"},
        "project",
        "must be a project id: 6 to 30 lower-case letters",
        "no such project can be",
    ),
    (
        {"serving": {**G2, "accelerator_count": 2}},
        "serving.accelerator_count",
        "carries 1 x NVIDIA_L4",
        "no such machine",
    ),
    (
        {"serving": {**G2, "accelerator_type": "NVIDIA_H100_80GB"}},
        "serving.accelerator_count",
        "carries 1 x NVIDIA_L4",
        "no such machine",
    ),
    (
        {"serving": {key: value for key, value in G2.items() if key != "accelerator_count"}},
        "serving.accelerator_count",
        "is missing; machine_type, accelerator_type and accelerator_count are given all or none",
        "a half of a machine is a guess",
    ),
    (
        {"serving": {"reservation": "foo"}},
        "serving.reservation",
        "projects/PROJECT/zones/ZONE/reservations/RESERVATION",
        "Vertex AI wants the full name",
    ),
    (
        {"serving": {"private_service_connect": []}},
        "serving.private_service_connect",
        "must not be empty",
        "an endpoint that nobody can reach",
    ),
    (
        {"serving": {"service_account": "me"}},
        "serving.service_account",
        "must be a service account's address",
        "an account is told by its address",
    ),
    (
        {"serving": {"min_replicas": 3, "max_replicas": 2}},
        "serving.max_replicas",
        "above max_replicas",
        "they contradict",
    ),
    (
        {"serving": {"min_replicas": 0}},
        "serving.scale_to_zero",
        "needs scale_to_zero",
        "nothing would wake it",
    ),
    ({"serve": "no"}, "serve", "true or false", "text is not silently turned into a choice"),
    ({"labels": {"Team": "x"}}, "labels.Team", "must be a label's key", "Google's rule for labels"),
    ({"labels": {"team": "X"}}, "labels.team", "must be a label's value", "Google's rule for labels"),
    (
        {"labels": {"vertex-tuning-owner": "x"}},
        "labels.vertex-tuning-owner",
        "are set by this program",
        "it would be overwritten, and no `up` would find nothing to change",
    ),
    ({"renamed_from": "Old!"}, "renamed_from", "must be at most 40", "it is, or was, a service's name"),
    ({"renamed_from": "one"}, "renamed_from", "leave renamed_from out", "it has the name already"),
    ({"renamed_from": ["a1", "a1"]}, "renamed_from", "twice", "each name was had once"),
    (
        {"adopt_endpoint": "projects/other-project/locations/us-central1/endpoints/1"},
        "adopt_endpoint",
        "project 'other-project'",
        "the service's own project is where it serves",
    ),
    (
        {"adopt_endpoint": "projects/test-project/locations/us-west1/endpoints/1"},
        "adopt_endpoint",
        "region 'us-west1'",
        "and its region",
    ),
    (
        {"adopt_endpoint": "projects/test-project/locations/us-central1/endpoints/1", "serve": False},
        "adopt_endpoint",
        "needs serve",
        "an endpoint to serve nothing on",
    ),
    (
        {
            "adopt_endpoint": "projects/test-project/locations/us-central1/endpoints/1",
            "serving": {"endpoint_display_name": "ours"},
        },
        "adopt_endpoint",
        "made here",
        "its name is not ours to give",
    ),
    ({"tunning": {}}, "tunning", "did you mean tuning", "an unknown key is never ignored"),
    ({"artifacts_uri": "gs://bucket/x"}, "from_stack", "give one of tuning", "two sources of weights"),
    (
        {"serving": {"evaluation": {"threshold": 1}}},
        "serving.evaluation.command",
        "give one of prompts and command",
        "nothing to measure by",
    ),
    (
        {"serving": {"evaluation": {"threshold": 2, "command": ["x"]}}},
        "serving.evaluation.threshold",
        "1",
        "a score is at most 1",
    ),
    (
        {"serving": {"evaluation": {"threshold": 1, "prompts": "no/such.jsonl"}}},
        "serving.evaluation.prompts",
        "No such file",
        "prompts are read in preview",
    ),
    (
        {"serving": {"rollout": "recreate", "canary": {"steps": [10]}}},
        "serving.canary",
        "needs rollout: side_by_side",
        "nobody to share the traffic with",
    ),
    (
        {"serving": {"canary": {"steps": [50, 10]}}},
        "serving.canary.steps",
        "have to rise",
        "a canary goes forward",
    ),
    (
        {"serving": {"canary": {"steps": [10], "wait": "soon"}}},
        "serving.canary.wait",
        "must be a whole number and s, m, h or d",
        "a wait is a number and a unit",
    ),
    (
        {"from_stack": {"stack": "staging", "service": "ab"}},
        "from_stack.stack",
        "ORGANIZATION/PROJECT/STACK",
        "a full name",
    ),
]

DATA = [
    ("missing.jsonl", "not", "the file is not there"),
    ("empty.jsonl", "empty", "nothing to learn from"),
    ("mixed.jsonl", "line 2", "one format a file"),
    ("broken.jsonl", "line 2", "bad JSON is found by its line"),
    ("role.jsonl", "robot", "a closed set of roles"),
    ("unanswered.jsonl", "assistant", "a chat ends with what is to be learned"),
    ("number.jsonl", "prompt", "a wrong type"),
    ("latin1.jsonl", "UTF-8", "another encoding"),
    ("pointer.jsonl", "Git LFS", "a pointer instead of the file"),
]


@pytest.mark.parametrize(("written", "where", "said", "why"), TUNING, ids=[case[1] for case in TUNING])
def test_tuning_mistakes(data: Path, written: dict[str, Any], where: str, said: str, why: str) -> None:
    [found] = mistakes(stack(data, service(data, tuning=written)))
    assert found.startswith(f"services[0].tuning.{where}: "), why
    assert said in found, why


@pytest.mark.parametrize(("written", "where", "said", "why"), SERVICE, ids=[case[1] for case in SERVICE])
def test_service_mistakes(data: Path, written: dict[str, Any], where: str, said: str, why: str) -> None:
    [found] = mistakes(stack(data, {**service(data), **written}))
    assert found.startswith(f"services[0].{where}"), why
    assert said in found, why


@pytest.mark.parametrize(("file", "said", "why"), DATA, ids=[case[0] for case in DATA])
@pytest.mark.parametrize("key", ["training_data", "validation_data"])
def test_data_mistakes(data: Path, key: str, file: str, said: str, why: str) -> None:
    [found] = mistakes(stack(data, service(data, tuning={key: str(data / file)})))
    assert found.startswith(f"services[0].tuning.{key}: {data / file}: "), why
    assert said in found, why


def test_all_mistakes_of_all_services_are_told_at_once(data: Path) -> None:
    wrong = [service(data, name=f"s{n}", tuning=written) for n, (written, *_) in enumerate(TUNING)]
    found = mistakes(stack(data, *wrong, service(data, "broken.jsonl", "bad-data"), zone="x"))
    assert len(found) == len(TUNING) + 2
    assert {line.split(":")[0] for line in found} >= {
        f"services[{n}].tuning.{t[1]}" for n, t in enumerate(TUNING)
    }


def test_several_mistakes_in_one_service(data: Path) -> None:
    written = {
        "epochs": 0,
        "adapter_size": 5,
        "learning_rate": 1.0,
        "learning_rate_multiplier": 1.0,
        "mode": "X",
    }
    found = mistakes(
        stack(data, service(data, tuning=written, serving={"min_replicas": 2, "max_replicas": 1}))
    )
    assert len(found) == 5, found


COMBINED: list[tuple[dict[str, Any], list[str], str]] = [
    (
        {"serving": {"machine_type": "a2-highgpu-1g"}},
        ["serving.accelerator_type", "serving.accelerator_count"],
        "what is missing is told, not a default that nobody wrote",
    ),
    (
        {"serving": {"accelerator_count": 2}},
        ["serving.machine_type", "serving.accelerator_type"],
        "the same from the other end",
    ),
    (
        {"serving": {"machine_type": "a2-highgpu-1g", "min_replicas": 3, "max_replicas": 2}},
        ["serving.max_replicas", "serving.accelerator_type", "serving.accelerator_count"],
        "a rule over several keys hides none of the others",
    ),
    (
        {"serving": {"machine_type": "g2", "accelerator_count": 0}},
        ["serving.accelerator_type", "serving.accelerator_count"],
        "a wrong part and a missing one",
    ),
    (
        {"tuning": {"mode": "FULL", "adapter_size": 3}},
        ["tuning.adapter_size", "tuning.mode"],
        "mending the size would only bring up the mode",
    ),
    (
        {"tuning": {"learning_rate": 0, "learning_rate_multiplier": 1}},
        ["tuning.learning_rate", "tuning.learning_rate_multiplier"],
        "mending the rate would only bring up the multiplier",
    ),
]


@pytest.mark.parametrize(("written", "where", "why"), COMBINED, ids=[case[2] for case in COMBINED])
def test_mistakes_that_meet_are_told_together(
    data: Path, written: dict[str, Any], where: list[str], why: str
) -> None:
    found = mistakes(stack(data, service(data, **written)))
    assert [line.partition(": ")[0] for line in found] == [f"services[0].{key}" for key in where], why


ALLOWED: list[tuple[dict[str, Any], str]] = [
    ({"output_uri": "gs://test-bucket"}, "a whole bucket"),
    ({"output_uri": "gs://test-bucket/"}, "as the console shows it"),
    ({"output_uri": "gs://test-bucket/models//"}, "slashes at the end say nothing"),
    ({"name": "t"}, "a name of one letter"),
    ({"project": "example.com:my-project"}, "a project of a domain"),
    ({"serving": {"reservation": "projects/p/zones/us-central1-a/reservations/r"}}, "a reservation"),
]


@pytest.mark.parametrize(("written", "why"), ALLOWED, ids=[case[1] for case in ALLOWED])
def test_what_google_allows_is_allowed(data: Path, written: dict[str, Any], why: str) -> None:
    [declared] = load(stack(data, {**service(data), **written})).services
    assert not declared.spec.output_uri.endswith("/"), why


def test_names_are_used_once(data: Path) -> None:
    [found] = mistakes(stack(data, service(data), service(data)))
    assert found.startswith("services[1].name: ")
    assert "twice" in found


RENAMES: list[tuple[list[dict[str, Any]], list[int], str]] = [
    ([{"name": "new", "renamed_from": "old"}], [], "a renamed service"),
    ([{"name": "new", "renamed_from": ["old", "older"]}], [], "renamed twice"),
    ([{"name": "old", "renamed_from": ["old", "new"]}], [], "renamed there and back"),
    (
        [{"name": "old"}, {"name": "new", "renamed_from": "old"}],
        [1],
        "the old name is still declared: whose would its endpoint be?",
    ),
    (
        [{"name": "new", "renamed_from": "old"}, {"name": "newer", "renamed_from": "old"}],
        [1],
        "two want what one has made",
    ),
    (
        [{"name": "a1", "renamed_from": "b1"}, {"name": "b1", "renamed_from": "a1"}],
        [0, 1],
        "an exchange of names cannot be told apart from none",
    ),
]


@pytest.mark.parametrize(("written", "wrong", "why"), RENAMES, ids=[case[2] for case in RENAMES])
def test_what_was_made_under_a_name_has_one_owner(
    data: Path, written: list[dict[str, Any]], wrong: list[int], why: str
) -> None:
    values = stack(data, *(service(data, **each) for each in written))
    if not wrong:
        assert len(load(values, {}, Path.cwd()).services) == len(written), why
        return
    found = mistakes(values)
    assert [line.partition(": ")[0] for line in found] == [f"services[{at}].renamed_from" for at in wrong]
    assert all("has, or had, the name" in line for line in found)


def test_a_wrong_default_is_told_once(data: Path) -> None:
    found = mistakes(stack(data, service(data, name="one"), service(data, name="two"), region="nowhere"))
    assert [line.split(":")[0] for line in found] == ["region"]


def test_a_wrong_shared_label_is_told_once(data: Path) -> None:
    services = [service(data, name="one"), service(data, name="two", labels={"Own": "x"})]
    found = mistakes(stack(data, *services, labels={"Shared": "x"}, team="No Team"))
    assert [line.partition(": ")[0] for line in found] == ["team", "labels.Shared", "services[1].labels.Own"]


def test_a_missing_default_is_told_once(data: Path) -> None:
    values = {key: value for key, value in stack(data, service(data)).items() if key != "project"}
    assert mistakes(values) == ["project: is missing"]


def test_an_embedded_stack_needs_the_embedded_service(data: Path) -> None:
    [found] = mistakes(stack(data, service(data), target="embedded"))
    assert found.startswith("target: "), "it would tune on Google Cloud"


def test_a_stack_for_google_refuses_the_embedded_service(data: Path) -> None:
    [found] = mistakes(stack(data, service(data)), EMBEDDED)
    assert found.startswith("target: "), "it would believe that prod is up"


def test_what_a_service_inherits(data: Path) -> None:
    found: Stack = load(
        stack(data, service(data, labels={"a": "b"}), labels={"cost": "c"}, wait=False, protect=True),
    )
    [declared] = found.services
    assert declared.spec.region == "us-central1"
    assert declared.spec.labels == {"team": "tests", "environment": "dev", "cost": "c", "a": "b"}
    assert (declared.spec.wait, declared.spec.protect, declared.spec.check_in_preview) == (False, True, True)


def test_prerequisites_that_the_same_up_makes_are_not_looked_for_in_preview(data: Path) -> None:
    [declared] = load(stack(data, service(data), prerequisites="manage")).services
    assert declared.spec.check_in_preview is False


def test_paths_are_relative_to_the_repository_and_not_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "infra")
    written = {
        "name": "one",
        "tuning": {
            "base_model": "meta/llama3_1@llama-3.1-8b",
            "mode": "FULL",
            "training_data": "data/tickets-train.jsonl",
        },
    }
    [declared] = load(stack(tmp_path, written, environment="none"), root=ROOT).services
    assert declared.spec.tuning is not None
    assert declared.spec.tuning.training_data == "../data/tickets-train.jsonl"


def test_the_examples_of_mistakes_are_plain_json() -> None:
    assert json.dumps([case[0] for case in [*TUNING, *SERVICE]]), "a stack file could say every one of them"
