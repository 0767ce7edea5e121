"""Another output folder, project or region: what is declared serves, and what was there goes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.declared import BUCKET
from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_crashes import billing
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]
OTHER = f"gs://{BUCKET}/other"

CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "another folder": ({}, 2, "weights belong to their folder, so the tuning is paid for again"),
    "another folder, and reuse": ({"reuse": "project"}, 1, "the weights of the old folder are found"),
}


@pytest.mark.parametrize(("tuning", "jobs", "why"), CASES.values(), ids=CASES)
def test_what_serves_follows_the_output_folder(
    fake: FakeVertex, declare: Declare, tuning: dict[str, Any], jobs: int, why: str
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(**tuning)).ok
    moved = declare(**tuning, service={"output_uri": OTHER})

    assert engine.up(moved).ok

    assert len(fake.jobs.all) == jobs, why
    root = OTHER if jobs == 2 else f"gs://{BUCKET}/out"
    assert engine.outputs("model")["artifacts_uri"].startswith(f"{root}/")
    assert engine.outputs("deployed")["traffic"] == 100
    assert len(billing(fake)) == 1, "the old deployment is gone"
    assert engine.up(moved).quiet
    assert engine.destroy().ok
    assert billing(fake) == []


def test_denied_another_folder_changes_nothing(fake: FakeVertex, declare: Declare) -> None:
    engine = MiniEngine()
    assert engine.up(declare()).ok
    ran = engine.up(declare(service={"output_uri": OTHER, "retrain": "deny"}))
    assert "retrain is 'deny'" in ran.failed["job"]
    assert len(billing(fake)) == 1
