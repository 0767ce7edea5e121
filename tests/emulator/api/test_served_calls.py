"""Call by call: what the routes say is served, is; what is not answers 501 with its name and does nothing."""

import importlib.util
import json
from pathlib import Path

import httpx
import pytest
from google.longrunning import operations_pb2

from tests.support.plain import Plain
from tools.pages import served_calls
from vertex_emulator.api.served import TABLE
from vertex_emulator.known import Binding, bindings

CLIENTS = {
    "aiplatform_v1": "google.cloud.aiplatform.v1",
    "aiplatform_v1beta1": "google.cloud.aiplatform.v1beta1",
    "billing_v1": "google.cloud.billing.v1",
    "cloudquotas_v1": "google.api.cloudquotas.v1",
    "service_usage_v1": "google.api.serviceusage.v1",
}


@pytest.mark.parametrize("package", CLIENTS)
def test_every_method_of_googles_clients_is_in_the_list(package: str) -> None:
    spec = importlib.util.find_spec(f"google.cloud.{package}")
    assert spec is not None
    assert spec.origin is not None
    metadata = json.loads((Path(spec.origin).parent / "gapic_metadata.json").read_text())
    theirs = {
        f"{CLIENTS[package]}.{service}.{method}"
        for service, described in metadata["services"].items()
        for method in described["clients"]["grpc"]["rpcs"]
    }

    ours = {item.name for item in bindings() if item.name.startswith(f"{CLIENTS[package]}.")}

    assert ours == theirs


def test_every_operations_method_is_served() -> None:
    service = operations_pb2.DESCRIPTOR.services_by_name["Operations"]

    assert {f"{service.full_name}.{method.name}" for method in service.methods} <= {
        route.google for route in TABLE.routes
    }


def test_a_route_has_the_name_of_one_of_googles_methods() -> None:
    known = {served_calls.unversioned(item.name) for item in bindings()}

    assert {route.google for route in TABLE.routes} - known == {
        "cloudresourcemanager.v1.projects.get",
        "cloudresourcemanager.v1.projects.getIamPolicy",
        "cloudresourcemanager.v1.projects.setIamPolicy",
        "google.api.serviceusage.v1beta1.ServiceUsage.GenerateServiceIdentity",
        "google.cloud.resourcemanager.v3.Projects.GetProject",
        *(f"google.longrunning.Operations.{verb}Operation" for verb in ("Get", "Cancel", "Delete", "Wait")),
        "google.longrunning.Operations.ListOperations",
        "google.cloud.workloadidentity.v1.WorkloadIdentity.GenerateServiceAgents",
        "storage.batch",
        "storage.xml",
        "storage.xml.multipartUploads",
        "the emulator's own",
    }, "methods of services whose lists no client here carries; see them in Google's documentation"


def ask(plain: Plain, client: httpx.Client, binding: Binding) -> httpx.Response:
    path = served_calls.example(binding.uri).replace("/projects/p", f"/projects/{plain.project}", 1)
    body: dict[str, str] | None = {} if binding.verb in {"POST", "PUT", "PATCH"} else None
    return client.request(binding.verb, f"{plain.url}{path}", json=body)


def test_what_is_not_served_answers_501_with_its_name(plain: Plain) -> None:
    wrong = []
    with httpx.Client(timeout=60) as client:
        for binding in bindings():
            if binding.verb and served_calls.served_by(binding) is None:
                response = ask(plain, client, binding)
                message = response.json()["error"]["message"]
                if response.status_code != 501 or binding.name not in message:
                    wrong.append((binding, response.status_code, response.text[:100]))

    assert wrong == []


def test_what_is_served_answers_something_else(plain: Plain) -> None:
    wrong = []
    with httpx.Client(timeout=60) as client:
        for binding in bindings():
            if binding.verb and served_calls.served_by(binding) is not None:
                response = ask(plain, client, binding)
                if response.status_code >= 500 or f'"message":"{binding.verb} /' in response.text:
                    wrong.append((binding, response.status_code, response.text[:100]))

    assert wrong == []
