"""The values of a stack file, right but for what a test changes, and the mistakes found in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning.stack import InvalidStack, Stack
from vertex_tuning.stack import load as load_stack


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


def problems(values: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InvalidStack) as refused:
        load(values, environment)
    own = "  stacks/Pulumi.tests-dev.yaml: vertex-tuning:"
    lines = str(refused.value).splitlines()[1:]
    assert all(line.startswith(own) for line in lines), "each names the file and the key as written there"
    return [line.removeprefix(own) for line in lines]
