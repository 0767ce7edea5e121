"""An operation whose name was lost is found while it is under way, of services that take their time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import BUCKET, PROJECT, make_bucket
from tests.contract.cases import L4
from tests.support.emulator import start_emulator
from tests.support.fake import FakeVertex
from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.client import ContainerSpec

PARENT = f"projects/{PROJECT}/locations/us-central1"
MORE_THAN_A_PAGE = 110
WEIGHTS = f"gs://{BUCKET}/weights"


@pytest.fixture(params=["fake", "embedded"])
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Vertex]:
    if request.param == "fake":
        yield FakeVertex(BUCKET)
        return
    running = start_emulator(tmp_path, "--speed", "real")
    make_bucket(running.url)
    yield connect(Connection(endpoint=running.url))
    running.stop()


def test_a_deployment_in_one_call_is_listed_for_the_endpoint_that_it_will_make(slow: Vertex) -> None:
    for name in ("config.json", "model.safetensors"):
        slow.storage.write(f"{WEIGHTS}/{name}", b"{}", if_generation=0)
    endpoint = f"{PARENT}/endpoints/vt-slow"
    assert slow.serving.under_way(endpoint) == ()

    operation = slow.serving.deploy_weights(endpoint, "slow", "vt-slow", "slow", WEIGHTS, L4, None)

    assert slow.serving.endpoint(endpoint) is None, "there is nothing yet to list operations of"
    assert slow.serving.under_way(endpoint) == (operation,)


def test_other_operations_of_the_region_are_not(slow: Vertex) -> None:
    slow.serving.create_endpoint(f"{PARENT}/endpoints/other", "other", {}, None, None)
    assert slow.serving.under_way(f"{PARENT}/endpoints/vt-slow") == ()


def test_one_that_many_others_have_followed_is_listed_all_the_same(slow: Vertex) -> None:
    for name in ("config.json", "model.safetensors"):
        slow.storage.write(f"{WEIGHTS}/{name}", b"{}", if_generation=0)
    endpoint = f"{PARENT}/endpoints/vt-slow"
    operation = slow.serving.deploy_weights(endpoint, "slow", "vt-slow", "slow", WEIGHTS, L4, None)

    for n in range(MORE_THAN_A_PAGE):
        model = f"{PARENT}/models/other-{n}"
        slow.serving.upload_model(model, "other", WEIGHTS, ContainerSpec({"imageUri": "i"}), {})

    assert slow.serving.under_way(endpoint) == (operation,)
