"""On the real engine: a claim that somebody else has written sends no token away and ends nothing of others."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conftest import write_sums
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain
from tests.support.stack import Workspace
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.claims import Claims
from vertex_tuning.vertex.client import JobState

pytestmark = pytest.mark.engine


def test_a_stack_whose_claims_were_forged(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator
) -> None:
    project = "forged-project"
    stack, cloud = workspace({**values, "project": project}), Cloud(emulator, project)
    theirs = Plain(emulator.url, project).model("acme-prod-model")
    assert stack.up().ok
    storage = connect(Connection(endpoint=emulator.url)).storage
    claims = Claims(storage, values["output_uri"])

    def forge(kind: str, **said: object) -> None:
        for key in claims.keys(kind):
            found = storage.read(claims.uri(key))
            assert found is not None
            written = {**msgspec.json.decode(found[0]), **said}
            assert storage.write(claims.uri(key), msgspec.json.encode(written), if_generation=found[1])

    with socket.create_server(("127.0.0.1", 0)) as listens:
        listens.settimeout(0.2)
        host = f"127.0.0.1:{listens.getsockname()[1]}"
        forge("TuningJob", resource=f"projects/p/locations/{host}#/tuningJobs/1")
        refreshed = stack.refresh()
        with pytest.raises(TimeoutError):
            listens.accept()
    assert "Traceback" not in refreshed.text
    assert "cannot be read" in refreshed.text
    forge("DeployedModel", model=theirs.rsplit("/", 1)[1])

    destroyed = stack.destroy()

    assert destroyed.ok, destroyed.text
    assert cloud.serving() == [], "what billed is gone"
    assert cloud.active() == []
    assert theirs.rsplit("/", 1)[1] in {
        name.rsplit("/", 1)[1]
        for name in connect(Connection(endpoint=emulator.url)).serving.models(project, "us-central1")
    }


def test_a_destroy_ends_the_job_whose_claim_is_gone(
    workspace: Callable[..., Workspace], values: dict[str, Any], emulator: RunningEmulator, tmp_path: Path
) -> None:
    project = "lost-claim-project"
    values = {**values, "project": project}
    values["services"] = [{**each, "wait": False} for each in values["services"]]
    long = {"training_data": str(write_sums(tmp_path / "sums.jsonl")), "epochs": 50}
    values["services"][0]["tuning"] |= long
    stack, cloud = workspace(values), Cloud(emulator, project)
    submitted = stack.up()
    assert submitted.ok, submitted.text
    assert cloud.active()
    storage = connect(Connection(endpoint=emulator.url)).storage
    claims = Claims(storage, values["output_uri"])
    for key in claims.keys("TuningJob"):
        storage.delete(claims.uri(key))

    destroyed = stack.destroy()

    assert destroyed.ok, destroyed.text
    assert "its claim was gone" in destroyed.text
    [job] = cloud.jobs()
    while not job.state.ended:
        [job] = cloud.jobs()
    assert job.state is JobState.CANCELLED
