"""No output differs from what a preview promised: then a saved plan (`preview --save-plan`) lets the `up` through.

A preview of what is made shows the inputs as outputs, and everything else as unknown.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fake import FakeVertex
from tests.support.mini_engine import MiniEngine, program, wired
from vertex_tuning import resources
from vertex_tuning.lifecycle import Declared, Provider
from vertex_tuning.plan import ServicePlan
from vertex_tuning.resources import PROVIDERS

Declare = Callable[..., ServicePlan]
SERVICES: dict[str, dict[str, Any]] = {
    "served": {},
    "not served": {"serve": False},
    "asked for and not waited for": {"wait": False},
    "exported": {"serve": False, "export_uri": "gs://test-bucket/export"},
    "a private endpoint": {"serving": {"private_service_connect": ["consumer-project"]}},
    "a container and an account": {
        "serving": {
            "container": {"image_uri": "us-docker.pkg.dev/p/r/i:1"},
            "service_account": "server@test-project.iam.gserviceaccount.com",
        }
    },
    "autoscaled": {"serving": {"max_replicas": 3, "autoscaling_target": 70}},
    "labelled": {"labels": {"cost-centre": "a"}},
}


@pytest.mark.parametrize("service", SERVICES)
def test_outputs_are_what_the_inputs_said(fake: FakeVertex, declare: Declare, service: str) -> None:
    engine = MiniEngine()
    for epochs in (1, 2):
        plan = declare(service=SERVICES[service], epochs=epochs)
        ran = engine.up(plan)
        assert ran.ok, ran.failed
        for declared in program(plan):
            outputs, inputs = engine.outputs(declared.name), wired(declared.inputs)
            differing = {key for key, value in inputs.items() if outputs.get(key) != value}
            assert not differing, f"{declared.name}: {differing}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_output_is_in_the_state(fake: FakeVertex, declare: Declare, service: str) -> None:
    """Of an output that the state lacks, each preview of the stack says `[unknown]`."""
    engine = MiniEngine()
    engine.up(plan := declare(service=SERVICES[service]))
    for declared in program(plan):
        outputs = engine.outputs(declared.name)
        inputs = type(declared.provider).inputs.model_fields
        lacking = {
            name for name in declared.provider.found if name not in inputs and outputs.get(name) is None
        }
        assert not lacking, declared.name


def test_every_kind_knows_the_outputs_that_programs_see() -> None:
    kinds: list[type[Declared]] = [
        found
        for found in vars(resources).values()
        if isinstance(found, type) and issubclass(found, Declared) and found is not Declared
    ]
    assert {kind.provider for kind in kinds} == set(PROVIDERS)
    for kind in kinds:
        assert issubclass(kind.provider, Provider)
        assert set(kind.provider.found) == set(kind.__annotations__)
