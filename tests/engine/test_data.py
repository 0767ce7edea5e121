"""Data as people bring them, on the real engine: refused in preview for what they are, or tuned on for real."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.support.emulator import HTTP, RunningEmulator
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
TRAINING, HELD_OUT = f"gs://{BUCKET}/data/training.jsonl", f"gs://{BUCKET}/data/held-out.jsonl"


def rows(count: int) -> bytes:
    """Examples in the form of GenerateContent."""
    lines = [
        {
            "systemInstruction": {"parts": [{"text": "Add one."}]},
            "contents": [
                {"role": "user", "parts": [{"text": f"{n}"}]},
                {"role": "assistant", "parts": [{"text": f"{n + 1}"}]},
            ],
        }
        for n in range(count)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def put(emulator: RunningEmulator, uri: str, content: bytes, **query: str) -> None:
    """Upload an object as any client may."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    query = {"uploadType": "media", "name": name, **query}
    HTTP.post(
        f"{emulator.url}/upload/storage/v1/b/{bucket}/o", params=query, content=content
    ).raise_for_status()


def tuned_on(values: dict[str, Any], **tuning: Any) -> dict[str, Any]:
    [service] = values["services"]
    return {**values, "services": [{**service, "serve": False, "tuning": {**service["tuning"], **tuning}}]}


@pytest.mark.evidence("data.validation-share", "data.generate-content", side="plugin")
def test_objects_are_refused_for_what_they_are_and_tuned_on_when_they_are_right(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator
) -> None:
    put(emulator, TRAINING, gzip.compress(rows(20)), contentEncoding="gzip")
    put(emulator, HELD_OUT, rows(6))
    since = emulator.admin.last_request()
    stack = workspace(tuned_on(values, training_data=TRAINING, validation_data=HELD_OUT))
    for refused in (stack.preview(), stack.up()):
        assert not refused.ok
        assert f"{TRAINING} is stored with Content-Encoding: gzip" in refused.text
    put(emulator, TRAINING, rows(20))
    for refused in (stack.preview(), stack.up()):
        assert not refused.ok
        assert f"{HELD_OUT}: it has " in refused.text
        assert "Vertex AI takes at most 25%" in refused.text
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "nothing was paid for"

    put(emulator, HELD_OUT, rows(2))
    ran = stack.up()
    assert ran.ok, ran.text
    data = [r["outputs"] for r in stack.state() if r["type"].endswith(":TuningDataset")]
    assert sorted((d["format"], d["examples"]) for d in data) == [
        ("generate_content", 2),
        ("generate_content", 20),
    ]
    assert stack.steps() == []


def test_other_places_and_unquoted_text_are_named_as_written(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace(tuned_on(values, training_data="https://example.com/x.jsonl"))
    refused = stack.preview()
    assert not refused.ok
    assert (
        "services[0].tuning.training_data: 'https://example.com/x.jsonl' is neither a local file nor an object"
        in refused.text
    )

    stack.configure(values)
    shared = stack.folder / "stacks" / "defaults.yaml"
    shared.write_text(
        "labels: {since: 2026-11-30, centre: 0123, trial: yes}\n"
        "services:\n"
        "  - name: tickets\n"
        "    tuning: &t {batch_size: 4}\n"
        "  - name: more\n"
        "    tuning: {<<: *t, epochs: 0}\n"
    )
    refused = stack.preview()
    assert not refused.ok
    for written, read_as in (("2026-11-30", "a date"), ("0123", "a number"), ("yes", "a boolean")):
        assert f"must be text, and YAML reads {written} as {read_as}: put it in quotes" in refused.text
    assert "stacks/defaults.yaml: services[1].tuning.epochs: must be at least 1, not 0" in refused.text
    assert "constructor" not in refused.text
    assert "Traceback" not in refused.text
