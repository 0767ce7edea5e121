"""``prerequisites: manage`` under Pulumi's mocks: the pulumi-gcp plugin cannot be had everywhere."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.prerequisites import SERVICES
from tests.support import gcp_plugin
from vertex_tuning.stack import Settings, TuningQuota

# Pulumi's mocks and its event loop belong to a process, so each declaration gets one of its own.
PROGRAM = """
import asyncio, json, sys
import pulumi
from infra.prerequisites import Existing, manage
from vertex_tuning.stack import Settings

class Recorder(pulumi.runtime.Mocks):
    declared = []
    def new_resource(self, args):
        self.declared.append([args.typ, args.name, args.inputs])
        return f"{args.name}-id", {**args.inputs, "projectNumber": 123}
    def call(self, args):
        raise AssertionError(f"nothing is looked up: {args.token}")

asyncio.set_event_loop(asyncio.new_event_loop())
pulumi.runtime.set_mocks(Recorder(), preview=False)
settings = Settings.model_validate_json(sys.argv[1])
pulumi.runtime.test(lambda: pulumi.Output.all(*[r.urn for r in manage(settings, Existing())]))()
print(json.dumps(Recorder.declared))
"""


def declared(settings: Settings) -> list[tuple[str, str, dict[str, Any]]]:
    command = [sys.executable, "-c", PROGRAM, settings.model_dump_json()]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found: list[tuple[str, str, dict[str, Any]]] = json.loads(ran.stdout)
    return found


def settings(**changes: Any) -> Settings:
    return Settings(
        team="search",
        environment="dev",
        project="acme-dev",
        region="europe-west4",
        output_uri="gs://acme-dev-tuning/models",
        **changes,
    )


def of_type(found: list[tuple[str, str, dict[str, Any]]], kind: str) -> list[dict[str, Any]]:
    return [inputs for typ, _, inputs in found if typ.lower().endswith(f":{kind.lower()}")]


def test_the_endpoint_settings_are_pulumi_gcps_own_and_those_of_the_page() -> None:
    spec = importlib.util.find_spec("pulumi_gcp")
    assert spec is not None
    assert spec.origin is not None
    known = set(
        re.findall(r"__config__\.get\('(\w+)'\)", (Path(spec.origin).parent / "config/vars.py").read_text())
    )
    used = gcp_plugin.settings("http://127.0.0.1:8085")
    page = (Path(__file__).parents[3] / "docs/prerequisites.md").read_text()

    assert {key.removeprefix("gcp:") for key in used} - known == set()
    assert dict(re.findall(r"^  (gcp:\w+): (\S+)$", page, re.MULTILINE)) == used


def test_apis_are_enabled_and_outlive_the_stack() -> None:
    apis = of_type(declared(settings()), "Service")
    assert {api["service"] for api in apis} == set(SERVICES)
    assert {api["disableOnDestroy"] for api in apis} == {False}, "other stacks of the project live on them"


def test_the_bucket_is_private_and_never_emptied() -> None:
    [bucket] = of_type(declared(settings()), "Bucket")
    assert bucket["name"] == "acme-dev-tuning"
    assert bucket["location"] == "europe-west4"
    assert bucket["forceDestroy"] is False, "weights outlive the stack"
    assert bucket["publicAccessPrevention"] == "enforced"


@pytest.mark.evidence("prerequisites.agents", side="plugin")
def test_the_two_agents_are_made_and_get_what_tuning_takes() -> None:
    found = declared(settings())
    [agents] = of_type(found, "WorkloadIdentityServiceAgent")
    assert agents["parent"] == "projects/123/locations/global/serviceProducers/aiplatform.googleapis.com"
    granted = [(access["role"], access["member"]) for access in of_type(found, "BucketIAMMember")]
    assert sorted(granted) == [
        (
            "roles/storage.legacyBucketReader",
            "serviceAccount:service-123@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com",
        ),
        ("roles/storage.objectUser", "serviceAccount:service-123@gcp-sa-aiplatform.iam.gserviceaccount.com"),
        (
            "roles/storage.objectUser",
            "serviceAccount:service-123@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com",
        ),
    ]
    [tunes] = of_type(found, "projects/iAMMember:IAMMember")
    assert (tunes["project"], tunes["role"]) == ("acme-dev", "roles/aiplatform.tuningServiceAgent")
    assert tunes["member"].endswith("@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com")


def test_a_quota_is_asked_for_only_when_written() -> None:
    assert of_type(declared(settings()), "SQuotaPreference") == []
    wanted = TuningQuota(jobs=4, quota_id="TheId", contact_email="ml@example.com")
    [quota] = of_type(declared(settings(tuning_quota=wanted)), "SQuotaPreference")
    assert quota["quotaId"] == "TheId"
    assert quota["quotaConfig"] == {"preferredValue": "4"}


@pytest.mark.parametrize("email", ["", "nobody", "a b@example.com"])
def test_a_quota_needs_someone_to_answer(email: str) -> None:
    with pytest.raises(ValueError, match="contact_email"):
        TuningQuota(jobs=4, quota_id="TheId", contact_email=email)
