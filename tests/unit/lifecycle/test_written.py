"""A state is read by its types alone: what no new spec may say can be read back, mended and destroyed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine
from tests.unit.lifecycle.test_crashes import billing
from tests.unit.lifecycle.test_drift import site_of
from vertex_tuning.lifecycle.written import parse_state
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources.deployed_model import DeployedModelProvider
from vertex_tuning.resources.deployed_model.inputs import DeployedModelInputs
from vertex_tuning.vertex.errors import InvalidRequest

Declare = Callable[..., ServicePlan]
NO_ACCELERATOR = {"accelerator_type": "ACCELERATOR_TYPE_UNSPECIFIED", "accelerator_count": 0}


def machine(fake: FakeVertex, **other: Any) -> None:
    site = site_of(fake)
    site.deployed = {id_: msgspec.structs.replace(each, **other) for id_, each in site.deployed.items()}


def labelled(fake: FakeVertex) -> None:
    site_of(fake).labels = {**site_of(fake).labels, "équipe": "recherche"}


def unnamed(fake: FakeVertex) -> None:
    site_of(fake).display_name = ""


BY_HAND: dict[str, Callable[[FakeVertex], None]] = {
    "a machine that the catalogue lacks": lambda fake: machine(fake, machine_type="n1-standard-8"),
    "no accelerator": lambda fake: machine(fake, machine_type="n1-standard-8", **NO_ACCELERATOR),
    "replicas that go to none": lambda fake: machine(fake, min_replicas=0),
    "a label in letters that no spec may have": labelled,
    "no name": unnamed,
}


@pytest.mark.parametrize("change", BY_HAND.values(), ids=BY_HAND)
@pytest.mark.parametrize("then", ["up", "destroy"])
def test_what_no_spec_may_say_is_read_back_and_mended_or_destroyed(
    fake: FakeVertex, declare: Declare, change: Callable[[FakeVertex], None], then: str
) -> None:
    engine, plan = MiniEngine(), declare()
    assert engine.up(plan).ok
    change(fake)
    engine.refresh()
    engine.refresh()

    if then == "up":
        assert engine.up(plan).ok
        engine.refresh()
        assert engine.up(plan).quiet
    assert engine.destroy().ok

    assert not any(billing(fake))


def test_a_state_whose_model_machine_and_region_no_catalogue_knows_is_refreshed_and_destroyed(
    fake: FakeVertex, declare: Declare
) -> None:
    engine = MiniEngine()
    assert engine.up(declare(retry={"attempts": 2})).ok
    retired = {"base_model": "meta/retired@1b", "machine_type": "a0-retired-1", "accelerator_type": "RETIRED"}
    for entry in engine.state:
        entry.outputs |= {key: value for key, value in retired.items() if key in entry.outputs}
        if "again" in entry.outputs:
            entry.outputs["again"] |= {"base_model": retired["base_model"]}

    engine.refresh()

    assert engine.outputs("job")["base_model"] == retired["base_model"]
    assert engine.destroy().ok
    assert not any(billing(fake))


def test_types_are_those_of_the_spec(declare: Declare) -> None:
    serving = {"canary": {"steps": [5, 50]}, "rollout": "side_by_side", "max_replicas": 3}
    declared = declare(service={"serving": serving}).declared["deployed"]
    floats = msgspec.json.decode(msgspec.json.encode(declared).replace(b":3,", b":3.0,"))

    assert parse_state(DeployedModelInputs, floats) == DeployedModelInputs.model_validate(declared)


def test_a_state_that_was_edited_into_nonsense_is_told_in_one_line(declare: Declare, said: list[str]) -> None:
    declared = declare().declared["deployed"]
    with pytest.raises(InvalidRequest, match=r"^service tickets, DeployedModel: .*whole number.*$") as told:
        DeployedModelProvider().read("id", {**declared, "max_replicas": 2.5})
    assert "\n" not in str(told.value)
