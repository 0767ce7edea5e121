"""What a preview means, where the captured ones do not show it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.fake import FakeVertex
from vertex_tuning.lifecycle import Change
from vertex_tuning.pricing import NO_PRICES
from vertex_tuning.report import Report, build, causes, read_preview
from vertex_tuning.report.compare import Comparison
from vertex_tuning.report.model import Downtime, Severity, Training, Verb
from vertex_tuning.specs import ServiceSpec, ServingSpec, Spec, TuningSpec

TYPE = "pulumi-python:dynamic/vertex:"
URN = "urn:pulumi:dev::p::vertex-tuning:index:TunedModelService$" + TYPE
JOB = {
    "service": "tickets",
    "base_model": "meta/llama3_1@llama-3.1-8b",
    "mode": "FULL",
    "region": "us-central1",
    "epochs": 1.0,
    "fingerprint": "f",
    "billed_tokens": 10,
}


def edits() -> list[tuple[str, str, str]]:
    """Every input whose edit has a consequence and does not merely follow: its kind, name and key."""
    return [
        (kind, name, causes.key_of(kind, name))
        for kind, provider in causes.PROVIDERS.items()
        for name, change in provider.changes.items()
        if change is not Change.NONE and not causes.follows(kind, name)
    ]


@pytest.mark.parametrize(("kind", "name", "key"), edits())
def test_an_edit_is_told_by_a_key_that_a_service_has(kind: str, name: str, key: str) -> None:
    *section, field = key.split(".")
    models: dict[tuple[str, ...], type[Spec]] = {
        (): ServiceSpec,
        ("tuning",): TuningSpec,
        ("serving",): ServingSpec,
    }
    model = models[tuple(section)]
    assert field in model.model_fields, f"{kind}.{name}"


def step(op: str, kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, Any]:
    def state(values: dict[str, Any]) -> dict[str, Any]:
        return {"type": TYPE + kind, "inputs": values.get("declared", values), "outputs": values}

    found: dict[str, Any] = {"op": op, "urn": f"{URN}{kind}::tickets-{kind}"}
    if before is not None:
        found["oldState"] = state(before)
    if after is not None:
        found["newState"] = {"type": TYPE + kind, "inputs": after}
    return found


def built(*steps: dict[str, Any], diagnostics: Any = (), **options: Any) -> Report:
    text = msgspec.json.encode({"steps": steps, "diagnostics": diagnostics})
    return build(read_preview(text), NO_PRICES, **options)


def test_a_tuning_that_is_reused_is_not_paid() -> None:
    said = {"urn": f"{URN}TuningJob::tickets-TuningJob", "message": "uses x of y, pays nothing\n"}
    [service] = built(step("create", "TuningJob", None, JOB), diagnostics=[said]).services
    assert service.training is Training.REUSED
    assert service.cost.once.unknown == ()


def test_a_raised_attempt_is_the_cause() -> None:
    model = {"service": "tickets", "fingerprint": "f", "lineage": {"attempt": 1, "epochs": 1}}
    again = {**model, "fingerprint": "g", "lineage": {"attempt": 2.0, "epochs": 1}}
    [service] = built(step("replace", "TunedModel", model, again)).services
    [change] = service.changes
    assert (change.key, change.before, change.after, change.means) == ("tuning.attempt", "1", "2", "re-train")


def test_what_was_changed_outside_is_told_as_such() -> None:
    declared = {"service": "tickets", "labels": {"team": "a"}}
    live = {**declared, "labels": {"team": "b"}, "declared": declared}
    found = built(step("update", "Endpoint", live, declared))
    [change] = found.services[0].changes
    assert (change.key, change.before, change.after, change.outside) == ("labels.team", "b", "a", True)
    assert "behind Pulumi's back" in found.risks[0].text


def test_what_is_under_way_goes_one_step_on() -> None:
    model = {"service": "tickets", "phase": "pending"}
    [service] = built(step("update", "TunedModel", model, {"service": "tickets"})).services
    assert [(change.key, change.before) for change in service.changes] == [
        ("progress of TunedModel", "pending")
    ]
    assert (service.verb, service.training, service.downtime) == (Verb.CHANGED, Training.NO, Downtime.NONE)


def test_weights_that_go_with_the_service_are_a_high_risk() -> None:
    found = built(step("delete", "TunedModel", {"service": "tickets", "delete_artifacts": True}, None))
    assert [risk.severity for risk in found.risks] == [Severity.HIGH]


def test_the_evaluation_s_figures_and_demands_are_told() -> None:
    before = {
        "service": "tickets",
        "fingerprint": "f",
        "verdict": {"score": 0.925, "n": 40.0, "threshold": 0.9},
    }
    after = {
        "service": "tickets",
        "fingerprint": "g",
        "machine_type": "m",
        "region": "r",
        "evaluation": {"threshold": 0.95},
        "canary": {"steps": [10.0, 50], "wait": "5m"},
    }
    [service] = built(
        step("replace", "DeployedModel", {"machine_type": "m", "region": "r", **before}, after)
    ).services
    assert service.notes == (
        "what serves now was evaluated: 0.925 of 40 answers, at least 0.9 was asked for",
        "the new model is evaluated before callers get it: at least 0.95",
        "it takes the traffic in steps: 10 %, 50 %, each for 5m",
    )


def test_other_resources_are_counted() -> None:
    other = {
        "op": "create",
        "urn": "urn:pulumi:dev::p::gcp:storage/bucket:Bucket::b",
        "newState": {"type": "gcp:storage/bucket:Bucket"},
    }
    assert built(other, other).others == {"create gcp:storage/bucket:Bucket": 2}


BAD = [
    (b"", "preview --json", "nothing at all, as of a command that failed to start"),
    (b"Previewing update", "preview --json", "not JSON"),
    (b"{}", "neither steps nor diagnostics", "another JSON"),
    (b'{"steps": [{"op": "same"}]}', "preview --json", "a step without an urn"),
    (b'{"steps": [{"op": "same", "urn": "x"}]}', "preview --json", "an urn that is none"),
]


@pytest.mark.parametrize(("text", "said", "why"), BAD, ids=[case[2] for case in BAD])
def test_what_is_no_preview(text: bytes, said: str, why: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_preview(text)


DATASET = {
    "service": "tickets",
    "content": "sha256:a",
    "uri": "gs://test-bucket/a.jsonl",
    "source": "a.jsonl",
}


def compared(folder: Path, vertex: Any, **before: Any) -> Any:
    after = {**DATASET, "content": "sha256:b", "uri": "gs://test-bucket/b.jsonl", "examples": 3}
    change = step("replace", "TuningDataset", {**DATASET, "examples": 3, **before}, after)
    [service] = built(change, compared=Comparison(folder, vertex)).services
    return service.data[0]


def test_lines_are_compared_wherever_they_stand(tmp_path: Path) -> None:
    vertex = FakeVertex("test-bucket")
    old = tmp_path / "old"
    old.write_text("one\ntwo\ntwo\nthree\n")
    vertex.storage.upload(old, "gs://test-bucket/a.jsonl")
    (tmp_path / "a.jsonl").write_text("three\r\n\nfour\ntwo\n")
    found = compared(tmp_path, vertex)
    assert (found.added, found.removed) == (1, 2), "four came; one and one of two went; the order is nothing"


NOT_COMPARED: list[tuple[bool, dict[str, Any], str, str]] = [
    (False, {}, "the new file is not here", "the report is made elsewhere"),
    (True, {}, "the old content cannot be read", "the old object is gone"),
    (True, {"bytes": 1e12}, "larger than", "a report is not worth a terabyte"),
    (True, {"source": "gs://b/x"}, "lies in Cloud Storage", "the bytes were never here"),
]


@pytest.mark.parametrize(("there", "before", "said", "why"), NOT_COMPARED, ids=[c[3] for c in NOT_COMPARED])
def test_what_is_not_compared_says_why(
    tmp_path: Path,
    *,
    there: bool,
    before: dict[str, Any],
    said: str,
    why: str,
) -> None:
    if there:
        (tmp_path / "a.jsonl").write_text("one\n")
    found = compared(tmp_path, FakeVertex("test-bucket"), **before)
    assert (found.added, found.removed) == (None, None)
    assert said in found.not_compared, why
