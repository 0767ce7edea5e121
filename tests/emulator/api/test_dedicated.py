"""Dedicated endpoints: who has one, at which address it answers, and what is refused there and elsewhere."""

import pytest

from tests.support.emulator import HTTP, RunningEmulator
from tests.support.plain import Json, Plain

VERSIONS = ("v1", "v1beta1")
PROMPT = {"prompt": "What is 3?", "max_tokens": 2, "raw_response": True}
CHAT = {"model": "", "messages": [{"role": "user", "content": "What is 3?"}], "max_tokens": 2}
FORMS: dict[str, Json] = {
    ":predict": {"instances": [PROMPT]},
    ":rawPredict": {"instances": [PROMPT]},
    "/chat/completions": CHAT,
}


@pytest.fixture(scope="module")
def served(emulator: RunningEmulator) -> tuple[Plain, str, str]:
    """A project with a dedicated endpoint and a shared one, a real model on each."""
    plain = Plain(emulator.url, "p-dedicated")
    model = plain.ended(plain.tune())["tunedModel"]["model"]
    dedicated, shared = plain.endpoint(dedicatedEndpointEnabled=True), plain.endpoint()
    for endpoint in (dedicated, shared):
        plain.deploy(endpoint, model, {"0": 100})
    return plain, dedicated, shared


MADE = [
    (":deploy", {}, True, "Model Garden's one call makes them dedicated"),
    (":deploy", {"dedicatedEndpointDisabled": True}, False, "unless the caller says otherwise"),
    ("/endpoints", {}, False, "an endpoint that the caller creates is shared"),
    ("/endpoints", {"dedicatedEndpointEnabled": True}, True, "unless the caller says otherwise"),
    (
        "/endpoints",
        {
            "dedicatedEndpointEnabled": True,
            "privateServiceConnectConfig": {"enablePrivateServiceConnect": True, "projectAllowlist": ["p"]},
        },
        False,
        "private service connect goes first",
    ),
]


@pytest.mark.evidence("serving.dedicated-by-default", side="service")
@pytest.mark.parametrize(("call", "given", "dedicated", "why"), MADE, ids=[f"{m[0]}: {m[3]}" for m in MADE])
def test_who_gets_a_dns_name(
    emulator: RunningEmulator, plain: Plain, call: str, given: Json, *, dedicated: bool, why: str
) -> None:
    if call == ":deploy":
        body = {"customModel": {"gcsUri": plain.weights()}, "endpointConfig": given}
        endpoint = plain.done(plain.vertex("POST", call, body))["endpoint"]
    else:
        endpoint = plain.endpoint(**given)
        assert "dedicatedEndpointDns" not in plain.ok("GET", f"v1/{endpoint}"), "none before a deployment"
        plain.deploy(endpoint, plain.model())

    [listed] = plain.vertex("GET", "/endpoints")["endpoints"]
    for shown in (listed, *(plain.ok("GET", f"{version}/{endpoint}") for version in VERSIONS)):
        assert shown.get("dedicatedEndpointEnabled", False) is dedicated, why
        assert shown.get("dedicatedEndpointDns") == (
            emulator.dedicated.removeprefix("http://") if dedicated else None
        )


@pytest.mark.evidence("serving.openai-form", side="service")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_answered_at_the_endpoints_own_address(
    emulator: RunningEmulator, served: tuple[Plain, str, str], version: str, form: str
) -> None:
    _, dedicated, shared = served

    for host, endpoint in ((emulator.dedicated, dedicated), (emulator.url, shared)):
        answer = HTTP.post(f"{host}/{version}/{endpoint}{form}", json=FORMS[form])
        assert answer.status_code == 200, answer.text
        assert answer.json().get("predictions") or answer.json()["choices"]


@pytest.mark.evidence("serving.shared-host-refuses-dedicated", side="service")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("form", FORMS)
def test_the_shared_address_refuses_a_dedicated_endpoint(
    emulator: RunningEmulator, served: tuple[Plain, str, str], version: str, form: str
) -> None:
    plain, dedicated, _ = served
    dns = emulator.dedicated.removeprefix("http://")

    status, name, message = plain.refused("POST", f"{version}/{dedicated}{form}", FORMS[form])

    assert (status, name) == (400, "FAILED_PRECONDITION")
    assert message == (
        "Dedicated Endpoint cannot be accessed through the shared Vertex AI domain aiplatform.googleapis.com. "
        f"Please access the endpoint using its dedicated dns name '{dns}'"
    )


@pytest.mark.evidence("serving.dedicated-host-refuses-alt", side="service")
def test_the_dedicated_address_refuses_what_googles_typed_client_adds(
    emulator: RunningEmulator, served: tuple[Plain, str, str]
) -> None:
    _, dedicated, _ = served

    answer = HTTP.post(
        f"{emulator.dedicated}/v1beta1/{dedicated}:predict",
        params={"$alt": "json;enum-encoding=int"},
        json=FORMS[":predict"],
    )

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["error"]["message"] == (
        'Could not find field "%24alt" in the type "google.cloud.aiplatform.v1beta1.PredictRequest".'
    )


ELSEWHERE = [
    ("GET", "/v1beta1/{dedicated}", "the books are at the region's address"),
    ("GET", "/emulator/health", "and so is the embedded service's own surface"),
    ("GET", "/storage/v1/b?project=p-dedicated", "and Cloud Storage"),
    ("POST", "/v1/{shared}:predict", "a shared endpoint has no host of its own"),
    ("POST", "/v1/{location}/endpoints/openapi/chat/completions", "managed models have none either"),
    ("POST", "/v1/{location}/endpoints/7:predict", "nothing is there"),
]


@pytest.mark.parametrize(("method", "path", "why"), ELSEWHERE, ids=[case[2] for case in ELSEWHERE])
def test_the_dedicated_address_serves_nothing_else(
    emulator: RunningEmulator, served: tuple[Plain, str, str], method: str, path: str, why: str
) -> None:
    plain, dedicated, shared = served
    path = path.format(dedicated=dedicated, shared=shared, location=plain.location)

    answer = HTTP.request(method, f"{emulator.dedicated}{path}", json=CHAT if method == "POST" else None)

    assert (answer.status_code, "is not found" in answer.text) == (404, True), why


@pytest.mark.evidence("serving.request-limits", side="service")
def test_a_request_is_smaller_at_the_shared_address(
    emulator: RunningEmulator, served: tuple[Plain, str, str]
) -> None:
    _, dedicated, shared = served

    def asked(host: str, endpoint: str, size: int) -> tuple[int, str]:
        body = b'{"instances": [{"filler": "' + b"a" * (size - 31) + b'"}]}'
        answer = HTTP.post(
            f"{host}/v1/{endpoint}:predict", content=body, headers={"Content-Type": "application/json"}
        )
        return answer.status_code, answer.json()["error"]["message"]

    for host, endpoint, most in (
        (emulator.url, shared, "1.500"),
        (emulator.dedicated, dedicated, "10.000"),
    ):
        size = int(float(most) * 1e6)
        status, message = asked(host, endpoint, size)
        assert (status, "exceeds" in message) == (400, False), "no prompt, and nothing else is wrong"
        assert asked(host, endpoint, size + 1) == (
            400,
            f"The request size ({size + 1} bytes) exceeds {most}MB limit.",
        )


def test_a_private_endpoint_has_no_public_address(plain: Plain) -> None:
    private = {"enablePrivateServiceConnect": True, "projectAllowlist": ["p"]}
    endpoint = plain.endpoint(privateServiceConnectConfig=private)
    plain.deploy(endpoint, plain.model(), {"0": 100})

    status, name, message = plain.refused("POST", f"v1/{endpoint}:predict", FORMS[":predict"])

    assert (status, name) == (400, "FAILED_PRECONDITION")
    assert "private service connect only" in message


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_web_pages_are_refused_at_the_dedicated_address_too(
    emulator: RunningEmulator, header: dict[str, str]
) -> None:
    answer = HTTP.post(f"{emulator.dedicated}/v1/projects/p/locations/us-central1/endpoints/1:predict",
                       json=FORMS[":predict"], headers=header)  # fmt: skip

    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
