"""``prerequisites: manage`` on the real engine: from a bare project to a served model in one ``up``."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import gcp_plugin
from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain
from tests.support.stack import Workspace

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
PROJECT = "bare-project"
TUNING_QUOTA = "GlobalConcurrentManagedOssModelTuningJobs"


@pytest.fixture
def managed(values: dict[str, Any]) -> dict[str, Any]:
    return {
        **values,
        "project": PROJECT,
        "output_uri": f"gs://{PROJECT}-tuning/models",
        "prerequisites": "manage",
        "tuning_quota": {"jobs": 3, "quota_id": TUNING_QUOTA, "contact_email": "ml@example.com"},
    }


def roles_of(google: Plain, member: str) -> list[str]:
    policy = google.ok("GET", f"storage/v1/b/{PROJECT}-tuning/iam")
    return [binding["role"] for binding in policy["bindings"] if member in binding["members"]]


def test_a_bare_project_is_set_up_tuned_on_and_served_in_one_up(
    workspace: Make, managed: dict[str, Any], emulator: RunningEmulator
) -> None:
    emulator.admin.project(PROJECT, services=[], tuning_quota=0)
    google = Plain(emulator.url, PROJECT)
    stack = workspace(managed, plugins=gcp_plugin.FOLDER, plugin_settings=gcp_plugin.settings(emulator.url))

    first = stack.up()

    assert first.ok, first.text
    assert stack.outputs()["tickets"]["settled"] is True
    assert "aiplatform.googleapis.com" in emulator.admin.call("GET", f"projects/{PROJECT}")["services"]
    bucket = google.ok("GET", f"storage/v1/b/{PROJECT}-tuning")
    assert bucket["location"] == "US-CENTRAL1"
    assert bucket["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    agents = [
        f"serviceAccount:service-{bucket['projectNumber']}@{domain}.iam.gserviceaccount.com"
        for domain in ("gcp-sa-aiplatform", "gcp-sa-vertex-moss-ft")
    ]
    assert [roles_of(google, agent) for agent in agents] == [
        ["roles/storage.objectUser"],
        ["roles/storage.legacyBucketReader", "roles/storage.objectUser"],
    ]
    policy = google.ok("POST", f"v1/projects/{PROJECT}:getIamPolicy", {})
    tunes = {"role": "roles/aiplatform.tuningServiceAgent", "members": agents[1:]}
    assert policy["bindings"] == [tunes]

    again = stack.up()
    assert again.ok, again.text
    assert stack.last_changes() == {}, "a second up changes nothing"

    weights = stack.outputs()["tickets"]["artifacts_uri"].removeprefix(f"gs://{PROJECT}-tuning/")
    gone = stack.destroy()
    assert gone.ok, gone.text
    listed = google.ok("GET", f"storage/v1/b/{PROJECT}-tuning/o", params={"prefix": weights})
    assert listed["items"], "bucket and weights outlive the stack"
    assert [roles_of(google, agent) for agent in agents] == [[], []], "their access goes with the stack"

    since = emulator.admin.last_request()
    back = stack.up()
    assert back.ok, back.text
    assert emulator.admin.count("POST", "/tuningJobs", since) == 0, "what was paid for is taken up again"


def test_a_bucket_that_is_there_with_other_settings_is_not_taken_for_ours(
    workspace: Make, managed: dict[str, Any], emulator: RunningEmulator
) -> None:
    project = "bucket-project"
    emulator.admin.project(project, tuning_quota=0)
    google = Plain(emulator.url, project)
    there = {"name": f"{project}-tuning", "location": "EUROPE-WEST4"}
    google.ok("POST", f"storage/v1/b?project={project}", there)
    values = {**managed, "project": project, "output_uri": f"gs://{project}-tuning/models", "services": []}
    stack = workspace(values, plugins=gcp_plugin.FOLDER, plugin_settings=gcp_plugin.settings(emulator.url))

    ran = stack.up()

    assert not ran.ok
    assert "=> {us-central1}" in ran.text, "what differs is named"
    found = google.ok("GET", f"storage/v1/b/{project}-tuning")
    assert found["location"] == "EUROPE-WEST4", "and nothing of it is changed"
