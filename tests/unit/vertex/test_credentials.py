"""As whom Google is called. The token service is a transport of the test's own; Google's library asks it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from google.auth import default
from google.auth.transport import Request

from vertex_tuning.vertex import Connection
from vertex_tuning.vertex.errors import InvalidRequest, NotSignedIn, translated

DEPLOYER = "deployer@acme-dev.iam.gserviceaccount.com"
BRIDGE = "bridge@acme-dev.iam.gserviceaccount.com"
OURS, TOO = "VERTEX_TUNING_IMPERSONATE", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"


class Answer(NamedTuple):
    status: int
    data: bytes
    headers: Mapping[str, str] = {}


class TokenService(Request):
    """Google's two token services: one knows the person, the other may give a service account's token."""

    def __init__(self, impersonation: Answer) -> None:
        self._impersonation = impersonation
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(  # type: ignore[override]
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> Answer:
        if url == "https://oauth2.googleapis.com/token":
            return Answer(200, b'{"access_token": "person", "expires_in": 3600, "token_type": "Bearer"}')
        self.asked.append((url, {**json.loads(body), "as": headers["authorization"]}))
        return self._impersonation


GIVEN = Answer(200, json.dumps({"accessToken": DEPLOYER, "expireTime": "2100-01-01T00:00:00Z"}).encode())
REFUSED = Answer(
    403,
    b'{"error": {"code": 403, "message": "Permission \'iam.serviceAccounts.getAccessToken\' denied.", '
    b'"status": "PERMISSION_DENIED"}}',
)


@pytest.fixture
def signed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's Application Default Credentials, as gcloud writes them."""
    person = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    path = tmp_path / "adc.json"
    path.write_text(json.dumps(person))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (OURS, TOO, "VERTEX_TUNING_ENDPOINT", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("signed_in")
def test_a_token_is_drawn_for_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OURS, f"{BRIDGE}, {DEPLOYER}")
    credentials, service = Connection.from_environment().credentials(), TokenService(GIVEN)

    credentials.refresh(service)

    assert credentials.token == DEPLOYER
    [(url, asked)] = service.asked
    assert url.endswith(f"/v1/projects/-/serviceAccounts/{DEPLOYER}:generateAccessToken")
    assert asked["as"] == "Bearer person"
    assert asked["scope"] == ["https://www.googleapis.com/auth/cloud-platform"]
    assert [name.rsplit("/", 1)[-1] for name in asked["delegates"]] == [BRIDGE]


@pytest.mark.usefixtures("signed_in")
def test_a_refusal_is_one_line_that_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OURS, DEPLOYER)
    credentials = Connection.from_environment().credentials()
    with pytest.raises(NotSignedIn) as refused, translated():
        credentials.refresh(TokenService(REFUSED))
    assert str(refused.value) == (
        "may not act as the service account that VERTEX_TUNING_IMPERSONATE names: Permission "
        "'iam.serviceAccounts.getAccessToken' denied; it takes roles/iam.serviceAccountTokenCreator on that "
        "account and the IAM Service Account Credentials API"
    )


def test_without_anybody_to_draw_it_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(OURS, DEPLOYER)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    with pytest.raises(NotSignedIn, match="gcloud auth application-default login"):
        Connection.from_environment().credentials()


Set = Callable[[pytest.MonkeyPatch], None]
CHOICES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nobody is named": ({}, ()),
    "ours": ({OURS: DEPLOYER}, (DEPLOYER,)),
    "the one that pulumi-gcp reads": ({TOO: DEPLOYER}, (DEPLOYER,)),
    "ours goes before": ({OURS: DEPLOYER, TOO: BRIDGE}, (DEPLOYER,)),
    "the embedded service knows no names": (
        {OURS: DEPLOYER, "VERTEX_TUNING_ENDPOINT": "http://127.0.0.1:1"},
        (),
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_who_is_chosen(monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    variables, chain = CHOICES[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    connection = Connection.from_environment()
    assert connection.impersonate == chain
    if not chain:
        assert (connection.credentials() is None) is (connection.endpoint is None)


@pytest.mark.parametrize("written", ["me@example.com", "deployer", f"{DEPLOYER},", ","])
def test_what_is_no_service_account(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv(OURS, written)
    with pytest.raises(InvalidRequest, match="is not a service account's address"):
        Connection.from_environment()


LOOKS = "https://cloudbilling.googleapis.com/v1/projects/acme-dev/billingInfo"


@pytest.mark.evidence("prerequisites.quota-project", side="plugin")
@pytest.mark.parametrize(
    ("given", "url", "project"),
    [
        pytest.param({}, LOOKS, "acme-dev", id="a person's own: the project that is asked about"),
        pytest.param(
            {}, "https://storage.googleapis.com/storage/v1/b/b", None, id="a call without a project"
        ),
        pytest.param({"quota_project_id": "shared"}, LOOKS, "shared", id="what gcloud was told goes before"),
    ],
)
def test_whose_quota_a_call_counts_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], url: str, project: str | None
) -> None:
    person = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    path = tmp_path / "adc.json"
    path.write_text(json.dumps({**person, **given}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    credentials = Connection.from_environment().credentials() or default()[0]
    headers: dict[str, str] = {}

    credentials.before_request(TokenService(GIVEN), "GET", url, headers)

    assert headers["authorization"] == "Bearer person"
    assert headers.get("x-goog-user-project") == project
