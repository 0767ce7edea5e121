"""Many services in one stack take about as long as the slowest: waiting for one holds up no other."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import BUCKET, make_bucket
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.kill import settled
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.claims import Claims, contended

pytestmark = [pytest.mark.engine, pytest.mark.alone]

SERVICES = 20
RATIO = 1.5
"""At most so many times the time of one service alone, measured in the same run."""

Make = Callable[..., Workspace]


emulator = emulator_fixture("real", ready=make_bucket)
"""One on which machines take 25 s to start."""


def test_twenty_services_in_the_time_of_one(
    workspace: Make,
    values: dict[str, Any],
    emulator: RunningEmulator,
    record_property: Callable[[str, object], None],
) -> None:
    """Weights are made once and copied for each, because training is work for this machine's processor.

    Services that share weights write into one claim, and Cloud Storage takes one write of an object a second.
    """
    project = values["project"]
    emulator.admin.project(project, l4_per_region=2 * SERVICES)
    stacks = [tuned := workspace({**values, "services": [{**values["services"][0], "serve": False}]})]
    assert tuned.up().ok
    weights = tuned.outputs()["tickets"]["artifacts_uri"]
    storage = connect(Connection(endpoint=emulator.url)).storage

    def copied(name: str) -> str:
        folder = f"gs://{BUCKET}/given/{name}"
        for blob in storage.listed(weights):
            storage.copy(blob.uri, folder + blob.uri.removeprefix(weights))
        return folder

    def seconds(count: int) -> float:
        names = [f"many-{count}-{n}" for n in range(count)]
        services = [{"name": name, "artifacts_uri": copied(name)} for name in names]
        stacks.append(stack := workspace({**values, "services": services}))
        begun = time.monotonic()
        ran = stack.up()
        took = time.monotonic() - begun
        assert ran.ok, ran.text
        assert "retry" not in ran.text, "a claim that many want is tried again without a word"
        assert settled(stack)
        return took

    alone, together = seconds(1), seconds(SERVICES)
    cloud = Cloud(emulator, project)
    assert [len(models) for models in cloud.endpoints().values()] == [1] * (SERVICES + 1)
    ratio = together / alone
    record_property("ratio", ratio)
    print(f"1 service: {alone:.1f} s; {SERVICES} services: {together:.1f} s; ratio {ratio:.2f}")
    assert ratio <= RATIO

    with ThreadPoolExecutor() as pool:
        assert [ran.text for ran in pool.map(Workspace.destroy, stacks) if not ran.ok] == []
    assert cloud.endpoints() == {}


def test_twenty_owners_of_one_thing_stand_in_line(emulator: RunningEmulator) -> None:
    """Services that share weights write into one claim, and each has to get its turn."""
    claims = Claims(connect(Connection(endpoint=emulator.url)).storage, f"gs://{BUCKET}/shared")
    owners = [f"owner-{n}" for n in range(SERVICES)]

    def go(owner: str) -> None:
        held = claims.read("Thing/one", f"token-of-{owner}")
        assert held is not None
        claims.leave(held, f"token-of-{owner}")

    with ThreadPoolExecutor(SERVICES) as pool:
        list(pool.map(lambda owner: claims.take("Thing/one", owner, f"token-of-{owner}"), owners))
        together = claims.read("Thing/one", "")
        list(pool.map(lambda owner: contended(lambda: go(owner)), owners))
    last = claims.read("Thing/one", "")
    assert together is not None
    assert last is not None
    assert sorted([together.claim.owner, *(waiter.owner for waiter in together.claim.waiters)]) == sorted(
        owners
    )
    assert last.claim.waiters == (), "the last one finds nobody to leave it to, and deletes"
