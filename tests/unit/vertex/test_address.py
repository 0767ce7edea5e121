"""Where an endpoint is asked: the address comes with Google's answer, and a token goes there."""

import pytest

from vertex_tuning.vertex.address import address, known_address
from vertex_tuning.vertex.client import Endpoint
from vertex_tuning.vertex.errors import InvalidRequest, Transient, VertexError

NAME = "projects/acme-dev/locations/us-central1/endpoints/vt-tickets-1"
OWN = "vt-tickets-1.us-central1-123456789012.prediction.vertexai.goog"
HERE = "http://127.0.0.1:8470"


def found(*, dns: str = "", dedicated: bool = True, private: bool = False) -> Endpoint:
    return Endpoint(
        name=NAME, display_name="", labels={}, deployed=(), traffic={},
        dedicated=dedicated, dns=dns, private=private,
    )  # fmt: skip


ASKED: list[tuple[Endpoint, str | None, str, str]] = [
    (found(dns=OWN), None, f"https://{OWN}", "its own DNS name"),
    (found(dns=f"https://{OWN}"), None, f"https://{OWN}", "the API's type shows it with the scheme"),
    (
        found(dns="vt-tickets-1.us-central1-fasttryout.prediction.vertexai.goog"),
        None,
        "https://vt-tickets-1.us-central1-fasttryout.prediction.vertexai.goog",
        "not always a number, by the API's type",
    ),
    (found(dedicated=False), None, "https://us-central1-aiplatform.googleapis.com", "a shared one"),
    (found(dedicated=False, dns="evil.example"), None, "https://us-central1-aiplatform.googleapis.com",
     "a name counts only where it is dedicated"),
    (found(dns="127.0.0.1:8471"), HERE, "http://127.0.0.1:8471", "the embedded service's second listener"),
    (found(dns="[::1]:9"), "http://[::1]:8470", "http://[::1]:9", "and by IPv6"),
    (found(dns="127.0.0.1:9"), "http://localhost", "http://127.0.0.1:9", "and by name, without a port"),
    (found(dedicated=False), HERE, HERE, "shared at the embedded service"),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "embedded", "host", "why"), ASKED, ids=[case[3] for case in ASKED])
def test_an_endpoint_is_asked_at_its_address(
    endpoint: Endpoint, embedded: str | None, host: str, why: str
) -> None:
    assert address(NAME, endpoint, embedded) == f"{host}/v1beta1/{NAME}", why
    assert known_address(NAME, endpoint, embedded) == {"address": f"{host}/v1beta1/{NAME}"}


NOWHERE: list[tuple[Endpoint, str | None, type[VertexError], str]] = [
    (found(dns="evil.example"), None, InvalidRequest, "another host"),
    (found(dns=f"{OWN}.evil.example"), None, InvalidRequest, "Google's name as the beginning of another"),
    (found(dns=f"evil.example/{OWN}"), None, InvalidRequest, "as a path"),
    (found(dns=f"evil.example?{OWN}"), None, InvalidRequest, "as a query"),
    (found(dns=f"user@{OWN}"), None, InvalidRequest, "with a user"),
    (found(dns=f"{OWN}@evil.example"), None, InvalidRequest, "as a user"),
    (found(dns=f"{OWN}:8443"), None, InvalidRequest, "with a port"),
    (found(dns=f"{OWN}\n"), None, InvalidRequest, "with a line break"),
    (found(dns=f"http://{OWN}"), None, InvalidRequest, "without encryption"),
    (found(dns=OWN.upper()), None, InvalidRequest, "in other letters"),
    (found(dns=OWN.replace("vt-", "other-")), None, InvalidRequest, "another endpoint's"),
    (found(dns=OWN.replace("us-central1", "europe-west4")), None, InvalidRequest, "another region's"),
    (found(dns=OWN.replace("vertexai.goog", "vertexai-goog.example")), None, InvalidRequest, "look-alike"),
    (found(dns="127.0.0.1:8471"), None, InvalidRequest, "this machine, when Google is asked"),
    (found(dns="192.0.2.1:80"), HERE, InvalidRequest, "another machine, when this one is asked"),
    (found(dns="127.0.0.1.evil.example:80"), HERE, InvalidRequest, "a name that begins like this machine's"),
    (found(dns="127.0.0.1:80/x"), HERE, InvalidRequest, "more than host and port"),
    (found(dns="127.0.0.1:80"), "http://192.0.2.1:80", InvalidRequest, "an embedded service elsewhere"),
    (found(dns="127.0.0.1:80"), "http://127.0.0.1@evil.example", InvalidRequest, "a user like this machine"),
    (found(dns=OWN), HERE, InvalidRequest, "Google, when an embedded service is asked"),
    (found(), None, Transient, "not yet: it has none before a deployment"),
    (found(dedicated=False, private=True), None, InvalidRequest, "private service connect only"),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "embedded", "error", "why"), NOWHERE, ids=[case[3] for case in NOWHERE])
def test_nothing_is_sent_anywhere_else(
    endpoint: Endpoint, embedded: str | None, error: type[VertexError], why: str
) -> None:
    with pytest.raises(error) as refused:
        address(NAME, endpoint, embedded)

    assert "\n" not in str(refused.value), why
    assert known_address(NAME, endpoint, embedded) == {}
