"""Services as a stack declares them, for tests that need no engine: spec, plan, examples."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from vertex_tuning.dataset import Dataset, inspect
from vertex_tuning.plan import Place, ServicePlan, plan
from vertex_tuning.promotion import Promoted
from vertex_tuning.specs import ServiceSpec, is_gcs

BUCKET = "test-bucket"
PROJECT = "test-project"
REGION = "us-central1"
OUTPUT = f"gs://{BUCKET}/out"


def write_examples(path: Path, rows: int = 3) -> Path:
    """A small dataset; another number of rows is another content."""
    lines = [json.dumps({"prompt": f"What is {n}?", "completion": " A number."}) for n in range(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def spec_of(training: Path, **changes: Any) -> ServiceSpec:
    """A service that tunes on a file; `tuning` holds changes of the tuning, the rest is the service's."""
    tuning = {
        "base_model": "meta/llama3_1@llama-3.1-8b",
        "mode": "FULL",
        "training_data": str(training),
        "epochs": 1,
        **changes.pop("tuning", {}),
    }
    given = {"name": "tickets", "project": PROJECT, "region": REGION, "output_uri": OUTPUT, "tuning": tuning}
    return ServiceSpec.model_validate({**given, **changes})


def planned(
    spec: ServiceSpec,
    stack: str = "dev",
    promoted: Promoted | None = None,
    beside: Sequence[ServiceSpec] = (),
) -> ServicePlan:
    """The plan of a service in a stack."""
    tuning = spec.tuning
    given = (tuning.training_data, tuning.validation_data) if tuning else ()
    sources = {source for source in given if source is not None and not is_gcs(source)}
    return plan(
        spec,
        Place("tests", stack),
        {source: _read(source) for source in sources},
        promoted=promoted,
        beside=beside,
    )


@cache
def _read(source: str) -> Dataset:
    found = inspect(Path(source)).dataset
    assert found is not None
    return found
