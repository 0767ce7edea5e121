"""Operations as the real service answers: the embedded service does, and the plugin reads them."""

import pytest
from google.cloud import aiplatform_v1beta1
from google.protobuf.json_format import ParseError

from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.google import rest
from tests.support.plain import REGION, Plain
from vertex_tuning.vertex import Connection, Vertex, connect
from vertex_tuning.vertex.client import MachineRequest
from vertex_tuning.vertex.errors import NoCapacity, QuotaExceeded, VertexError, of_rpc

emulator = emulator_fixture(scope="module")

L4 = MachineRequest(
    machine_type="g2-standard-12",
    accelerator_type="NVIDIA_L4",
    accelerator_count=1,
    min_replicas=1,
    max_replicas=1,
)


@pytest.fixture
def google(emulator: RunningEmulator) -> Vertex:
    """The service as the plugin calls it."""
    return connect(Connection(endpoint=emulator.url))


def deployed(google: Vertex, plain: Plain) -> str:
    """The name of the operation of a deployment in one call."""
    endpoint = f"{plain.location}/endpoints/vt-asked"
    return google.serving.deploy_weights(endpoint, "e", "vt-asked", "m", plain.weights(), L4, None)


@pytest.mark.evidence("operations.ui-metadata", "operations.unknown-fields", side="service")
def test_metadata_are_of_types_and_have_fields_that_nobody_published(plain: Plain, google: Vertex) -> None:
    name = deployed(google, plain)

    polled, versioned = plain.ok("GET", f"ui/{name}"), plain.ok("GET", f"v1beta1/{name}")

    kind = "DeployOperationMetadata"
    assert polled["metadata"]["@type"] == f"type.googleapis.com/google.cloud.aiplatform.ui.{kind}"
    assert versioned["metadata"]["@type"] == f"type.googleapis.com/google.cloud.aiplatform.v1beta1.{kind}"
    published = {
        field.json_name for field in aiplatform_v1beta1.DeployOperationMetadata.pb().DESCRIPTOR.fields
    }
    assert set(versioned["metadata"]) - published - {"@type"}


@pytest.mark.evidence("operations.ui-metadata", side="service")
def test_googles_own_client_cannot_poll_them_over_rest(plain: Plain) -> None:
    client = rest(aiplatform_v1beta1.EndpointServiceClient, plain.url)
    operation = client.create_endpoint(
        parent=f"projects/{plain.project}/locations/{REGION}", endpoint={"display_name": "e"}
    )
    with pytest.raises(ParseError, match=r"aiplatform\.ui\."):
        client.get_operation({"name": operation.operation.name})


@pytest.mark.evidence(
    "operations.ui-metadata", "operations.unknown-fields", "operations.deploy-shape", side="plugin"
)
def test_the_plugin_reads_them(plain: Plain, google: Vertex) -> None:
    found = google.serving.operation(deployed(google, plain))
    assert found is not None
    assert (found.done, found.error_code, found.kind) == (True, 0, "DeployOperationMetadata")
    assert found.endpoint.endswith("/endpoints/vt-asked")
    assert found.model.endswith("/models/vt-asked@1")


@pytest.mark.evidence("operations.deploy-shape", side="service")
def test_a_finished_deployment_says_what_it_has_made(plain: Plain, google: Vertex) -> None:
    done = plain.ok("GET", f"v1beta1/{deployed(google, plain)}")
    assert set(done["response"]) >= {"@type", "endpoint", "model"}
    assert done["response"]["model"].endswith("@1")
    assert set(done["metadata"]) >= {"genericMetadata", "destination", "projectNumber", "modelId"}


@pytest.mark.evidence("operations.none-below-nothing", side="service")
@pytest.mark.parametrize("nothing", ["/endpoints/nothing", "/models/nothing", "/tuningJobs/1"])
def test_no_operations_can_be_listed_of_what_is_not_there(plain: Plain, nothing: str) -> None:
    status, code, _ = plain.refused("GET", f"v1beta1/{plain.location}{nothing}/operations")
    assert (status, code) == (404, "NOT_FOUND")


@pytest.mark.evidence("operations.none-below-nothing", side="plugin")
@pytest.mark.parametrize("nothing", ["endpoints/nothing", "models/nothing"])
def test_nothing_is_under_way_on_what_is_not_there(plain: Plain, google: Vertex, nothing: str) -> None:
    assert google.serving.under_way(f"{plain.location}/{nothing}") == ()


@pytest.mark.evidence("operations.ids-chosen-by-the-service", side="service")
def test_the_service_may_choose_the_ids(plain: Plain, google: Vertex, emulator: RunningEmulator) -> None:
    emulator.admin.project(plain.project, own_ids=True)
    done = plain.ok("GET", f"v1beta1/{deployed(google, plain)}")["response"]
    assert done["endpoint"].rsplit("/", 1)[1].isdigit()
    assert done["model"].rsplit("/", 1)[1].removesuffix("@1").isdigit()
    assert done["endpoint"].split("/")[1].isdigit(), "the project's number, not its id"


@pytest.mark.evidence("jobs.label-filter", side="service")
def test_jobs_may_not_be_listed_by_label(plain: Plain, emulator: RunningEmulator) -> None:
    emulator.admin.project(plain.project, label_filters=False)
    answer = plain.call("GET", f"v1beta1/{plain.location}/tuningJobs", params={"filter": 'labels.a="b"'})
    assert answer.status_code == 400


@pytest.mark.evidence("jobs.label-filter", side="plugin")
def test_jobs_are_found_by_label_all_the_same(
    plain: Plain, google: Vertex, emulator: RunningEmulator
) -> None:
    emulator.admin.project(plain.project, label_filters=False)
    job = plain.tune(labels={"a": "b"})
    plain.ok("POST", f"v1beta1/{job['name']}:cancel", {})
    since = emulator.admin.last_request()

    for _ in range(2):
        found = google.jobs.labelled(plain.project, REGION, {"a": "b"})
        assert [each.name for each in found] == [job["name"]]
    assert google.jobs.labelled(plain.project, REGION, {"a": "other"}) == ()

    assert emulator.admin.count("GET", "/tuningJobs", since) == 4, "a refused filter is tried once"


REGION_FULL = (
    "Resources are insufficient in region: us-central1. Please try a different region or use a different "
    "accelerator."
)
MACHINE_GONE = "Machine type temporarily unavailable, please deploy with a different machine type or retry"
QUOTA = "The following quotas are exceeded: CustomModelServingL4GPUsPerProjectPerRegion 8"


@pytest.mark.evidence("operations.capacity", "operations.first-internal", side="service")
@pytest.mark.parametrize(
    ("code", "message", "steps"),
    [(8, REGION_FULL, 2), (14, MACHINE_GONE, 2), (13, "Internal error occurred.", 0)],
    ids=["a region without machines", "a machine that is not to be had", "inside Google, at once"],
)
def test_a_deployment_ends_in_an_error_on_request(
    plain: Plain, google: Vertex, emulator: RunningEmulator, code: int, message: str, steps: int
) -> None:
    emulator.admin.fault(
        r":deploy(\?|$)", "operation_failure", method="POST", code=code, message=message, after_steps=steps
    )
    found = google.serving.operation(deployed(google, plain))
    assert found is not None
    assert (found.done, found.error_code, found.error_message) == (True, code, message)
    assert found.lasted < 60


@pytest.mark.evidence("operations.capacity", side="plugin")
@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [(8, REGION_FULL, NoCapacity), (14, MACHINE_GONE, NoCapacity), (8, QUOTA, QuotaExceeded)],
    ids=["a region without machines", "a machine that is not to be had", "a quota that is used up"],
)
def test_a_lack_of_machines_is_known_by_its_text(code: int, message: str, kind: type[VertexError]) -> None:
    assert type(of_rpc(code, message)) is kind
