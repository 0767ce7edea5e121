"""A model whose endpoint and model ids the service chose, through its whole life on the real engine."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator
from tests.support.stack import Workspace
from vertex_tuning.served import look
from vertex_tuning.vertex import Connection, connect

pytestmark = [
    pytest.mark.engine,
    pytest.mark.evidence("operations.ids-chosen-by-the-service", side="plugin"),
]


@pytest.fixture
def cloud(emulator: RunningEmulator) -> Iterator[Cloud]:
    emulator.admin.project(PROJECT, own_ids=True, label_filters=False)
    yield Cloud(emulator, PROJECT)
    emulator.admin.project(PROJECT, own_ids=False, label_filters=True)


def test_up_rollout_refresh_and_destroy(
    workspace: Callable[..., Workspace], values: dict[str, Any], cloud: Cloud
) -> None:
    stack = workspace(values)
    first = stack.up()
    assert first.ok, first.text
    [(endpoint, [_])] = cloud.endpoints().items()
    [(model, share)] = cloud.serving()
    assert (endpoint.isdigit(), model.isdigit(), share) == (True, True, 100)
    named = stack.outputs()["tickets"]
    assert named["endpoint"].endswith(f"/endpoints/{endpoint}")
    assert endpoint in named["endpoint_console"]
    assert stack.steps() == [], "what Google chose is no change"

    [service] = values["services"]
    tuning = {**service["tuning"], "epochs": 2}
    stack.configure({**values, "services": [{**service, "tuning": tuning}]})
    saved = stack.run("preview", "--save-plan", "plan.json")
    assert saved.ok, saved.text
    assert f'{named["endpoint"]}" =>' not in saved.text, "callers keep its name"
    second = stack.up("--plan", "plan.json")
    assert second.ok, second.text
    assert list(cloud.endpoints()) == [endpoint], "callers keep their endpoint"
    [(_, share)] = cloud.serving()
    assert share == 100
    assert stack.outputs()["tickets"]["endpoint"] == named["endpoint"]
    assert cloud.orphans(stack.state()) == [], "doctor takes none of it for lost"
    [served] = look(connect(Connection(endpoint=cloud.emulator.url)), named["endpoint"])
    assert served.lineage is not None, served.unknown

    refreshed = stack.refresh()
    assert refreshed.ok, refreshed.text
    assert stack.resource("Endpoint")["endpoint"] == named["endpoint"]
    assert stack.steps() == []

    gone = stack.destroy()
    assert gone.ok, gone.text
    assert cloud.endpoints() == {}
    assert cloud.active() == []
