"""States that released versions wrote are read by today's code: nothing is stranded, nothing changes by itself.

A file in ``states`` is what ``pulumi stack export`` printed after an `up` of ``demo-local`` with that version.
Files are added with each release and never edited.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dill
import pytest

from tests.support.fake import FakeVertex, plugged
from tests.support.mini_engine import MiniEngine
from vertex_tuning.lifecycle import Phase, Provider
from vertex_tuning.lifecycle.states import SCHEMA, SCHEMA_KEY, upgraded
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.tuning_dataset import TuningDatasetProvider
from vertex_tuning.vertex.errors import InvalidRequest

STATES = sorted((Path(__file__).parent / "states").glob("*.json"))
PROGRAM = Path(__file__).parents[3] / "infra"
PARTS = {
    "readiness": "Readiness",
    "training-data": "TuningDataset",
    "job": "TuningJob",
    "model": "TunedModel",
    "endpoint": "Endpoint",
    "deployed": "DeployedModel",
}
CHOSEN_OUTSIDE = ("token", "job", "console", "deployed_id", "generation", "ended", "traffic")
"""Outputs that Google or chance chose: the world in which a state is taken up here chose others."""
KINDS = ["Readiness", "TuningDataset", "TuningJob", "TunedModel", "Endpoint", "DeployedModel"]


def resources(path: Path, kind: str) -> list[dict[str, Any]]:
    state = json.loads(path.read_text())["deployment"]["resources"]
    return [resource for resource in state if resource["type"] == f"pulumi-python:dynamic/vertex:{kind}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", STATES, ids=[path.stem for path in STATES])
def test_a_released_state_is_read_and_unchanged(path: Path, kind: str) -> None:
    found = resources(path, kind)
    assert found, "every kind is in it"
    for resource in found:
        provider = dill.loads(base64.b64decode(resource["outputs"]["__provider"]))  # noqa: S301 - our own file
        assert isinstance(provider, Provider), "its class is still found by its name"
        inputs = provider._written(resource["outputs"])
        assert provider.identity(inputs) == resource["id"], "identity does not depend on the version"
        assert resource["outputs"]["phase"] == Phase.READY
        diff = provider.diff(resource["id"], resource["outputs"], resource["inputs"])
        assert diff.changes is False, "an update of the package alone changes nothing"


@pytest.mark.parametrize("path", STATES, ids=[path.stem for path in STATES])
def test_a_state_holds_no_secret_and_no_folder_of_a_machine(path: Path) -> None:
    text = path.read_text()
    assert "ciphertext" not in json.dumps([r for kind in KINDS for r in resources(path, kind)])
    assert str(Path.home()) not in text
    assert "/tmp/" not in text  # noqa: S108 - looked for, not used


def test_there_is_a_state_of_a_released_version() -> None:
    assert STATES, "else nothing above ran"


def plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "__provider"}


def declared(path: Path) -> ServicePlan:
    """What the program declared that wrote a state."""
    inputs = {part: plain(resources(path, kind)[0]["inputs"]) for part, kind in PARTS.items()}
    return cast("ServicePlan", SimpleNamespace(declared=inputs))


@pytest.fixture(params=STATES, ids=[path.stem for path in STATES])
def released(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(PROGRAM)  # local data are named from there
    return Path(request.param)


@pytest.fixture
def fake() -> Iterator[FakeVertex]:
    found = FakeVertex("demo-local-tuning")
    with plugged(found):
        yield found


def taken_up(fake: FakeVertex, path: Path) -> MiniEngine:
    """A stack whose state is the released one, in a world where all of it is there."""
    engine = MiniEngine()
    for data in resources(path, "TuningDataset"):
        TuningDatasetProvider().create(plain(data["inputs"]))
    made = engine.up(declared(path))
    assert made.ok, made.failed
    for entry in engine.state:
        written = plain(resources(path, entry.provider.kind)[0]["outputs"])
        chosen = {key: entry.outputs[key] for key in CHOSEN_OUTSIDE if key in written}
        entry.outputs = {**written, **chosen}
    return engine


@pytest.mark.parametrize("first", ["refresh", "update", "delete"])
def test_a_released_state_is_refreshed_updated_and_deleted(
    fake: FakeVertex, released: Path, first: str
) -> None:
    engine, plan = taken_up(fake, released), declared(released)
    jobs = list(fake.jobs.all)
    if first == "refresh":
        engine.refresh()
        assert {entry.outputs[SCHEMA_KEY] for entry in engine.state} == {SCHEMA}
        assert {entry.outputs["phase"] for entry in engine.state} == {Phase.READY}
        assert engine.up(plan).quiet
    if first != "delete":
        plan.declared["endpoint"]["labels"] = {"team": "another"}
        assert engine.up(plan).changed == ["endpoint"]
        assert engine.outputs("endpoint")[SCHEMA_KEY] == SCHEMA
        assert engine.up(plan).quiet

    assert engine.destroy().ok

    assert fake.serving.sites == {}
    assert fake.serving.registered == {}
    assert list(fake.jobs.all) == jobs, "nothing is tuned again"


def test_a_state_without_a_schema_is_the_first_and_a_later_one_is_refused() -> None:
    assert upgraded({"job": "j"}) == {"job": "j", SCHEMA_KEY: SCHEMA}
    assert upgraded(upgraded({"job": "j"})) == upgraded({"job": "j", SCHEMA_KEY: float(SCHEMA)})
    with pytest.raises(InvalidRequest, match="a newer pulumi-vertex-tuning wrote this state"):
        upgraded({SCHEMA_KEY: SCHEMA + 1})
