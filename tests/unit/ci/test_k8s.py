"""Manifests for the Pulumi Kubernetes Operator fit the operator's own definition of a Stack."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.support.stack import REPOSITORY
from tools import k8s
from tools.ci.project import Stack, stacks
from vertex_tuning.stack import Target

CLUSTER = k8s.Cluster(
    repository="https://github.com/acme/models",
    branch="main",
    backend="gs://acme-pulumi-state",
    image="europe-docker.pkg.dev/acme/pulumi/vertex-tuning:0.1.0",
    secrets="gcpkms://projects/acme/locations/global/keyRings/pulumi/cryptoKeys/state",
    identity="pulumi@{project}.iam.gserviceaccount.com",
)
DEFINITION = REPOSITORY / "tests" / "data" / "pko" / "pulumi.com_stacks.yaml"


def strict(schema: Any) -> Any:
    """As the API server takes it with strict field validation: what is not named is refused."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made


@pytest.fixture(scope="module")
def definition() -> Draft202012Validator:
    found = yaml.safe_load(DEFINITION.read_text())
    [stored] = [version for version in found["spec"]["versions"] if version["storage"]]
    assert stored["name"] == "v1"
    schema = strict(stored["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return Draft202012Validator(schema)


def made(found: list[Stack] | None = None) -> dict[str, dict[str, Any]]:
    """The Stack manifests by name."""
    documents = k8s.manifests(found or stacks(REPOSITORY, Target.GOOGLE), CLUSTER)
    return {d["metadata"]["name"]: d for file in documents.values() for d in file if d["kind"] == "Stack"}


def test_every_stack_fits_the_definition(definition: Draft202012Validator) -> None:
    found = made()
    assert sorted(found) == ["search-dev", "search-prod", "support-dev", "support-prod"]
    for name, document in found.items():
        assert [error.message for error in definition.iter_errors(document)] == [], name


@pytest.mark.parametrize(
    "wrong",
    [{"stack": None}, {"resyncFrequencySeconds": "often"}, {"repository": "x"}, {"prerequisites": [{}]}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_the_definition_refuses_what_is_wrong(
    definition: Draft202012Validator, wrong: dict[str, Any]
) -> None:
    document = made()["search-dev"]
    document["spec"] = {**document["spec"], **wrong}
    assert [*definition.iter_errors(document)]


def test_what_does_not_wait_is_brought_on_and_the_rest_follows_commits() -> None:
    found = made()
    dev, prod = found["search-dev"]["spec"], found["search-prod"]["spec"]
    assert (dev["continueResyncOnCommitMatch"], dev["resyncFrequencySeconds"]) == (True, 900)
    assert (prod["continueResyncOnCommitMatch"], prod["resyncFrequencySeconds"]) == (False, 300)
    assert not dev["destroyOnFinalize"], "a manifest that goes takes no model with it"


def test_a_stack_that_serves_anothers_model_comes_after_it() -> None:
    def stack(name: str, team: str, *served_from: str) -> Stack:
        services = [{"name": "x", "from_stack": {"stack": each, "service": "x"}} for each in served_from]
        return Stack(name, {"team": team, "project": "acme", "services": services}, frozenset())

    found = made(
        [stack("a-dev", "a"), stack("a-prod", "a", "organization/p/a-dev", "b-dev"), stack("b-dev", "b")]
    )
    assert [each["name"] for each in found["a-prod"]["spec"]["prerequisites"]] == ["a-dev"], (
        "not of another team"
    )
    assert "prerequisites" not in found["a-dev"]["spec"]


def test_each_stack_has_its_own_google_identity_in_its_teams_namespace() -> None:
    documents = k8s.manifests(stacks(REPOSITORY, Target.GOOGLE), CLUSTER)["search/search-prod.yaml"]
    account, delegation, stack = documents
    assert account["metadata"]["annotations"] == {
        "iam.gke.io/gcp-service-account": "pulumi@acme-search-prod.iam.gserviceaccount.com"
    }
    assert delegation["subjects"] == [
        {"kind": "ServiceAccount", "name": "search-prod", "namespace": "tuning-search"}
    ]
    assert stack["spec"]["serviceAccountName"] == account["metadata"]["name"]
    assert {account["metadata"]["namespace"], stack["metadata"]["namespace"]} == {"tuning-search"}


UNFIT = [
    ([("x" * 43, "ads")], "takes no stack called", "a rule in the definition that JSON Schema does not know"),
    ([("dev", "a" * 57)], "takes no namespace called", "64 characters with what ours begins with"),
    ([("dev", "ads-")], "takes no namespace called", "ends with a hyphen"),
    ([("a_b-dev", "ads"), ("a-b-dev", "ads")], "stack a-b-dev and stack a_b-dev would both be", "one name"),
    ([("x", "a_b"), ("y", "a-b")], "team a-b and team a_b would both be tuning-a-b", "one namespace"),
]


@pytest.mark.parametrize(("given", "told", "why"), UNFIT, ids=[case[2] for case in UNFIT])
def test_names_that_a_cluster_does_not_take_are_refused(
    given: list[tuple[str, str]], told: str, why: str
) -> None:
    with pytest.raises(k8s.Unfit) as refused:
        made([Stack(name, {"team": team}, frozenset()) for name, team in given])
    assert told in str(refused.value), why


def test_the_longest_names_that_it_takes() -> None:
    assert made([Stack("x" * 42, {"team": "a" * 56}, frozenset())])


def test_the_rule_for_names_is_the_definitions() -> None:
    rules = re.findall(r"size\(self\.metadata\.name\) <= (\d+)", DEFINITION.read_text())
    assert {int(most) for most in rules} == {k8s.LONGEST_NAME}


def test_a_file_that_cannot_be_read_is_told() -> None:
    with pytest.raises(k8s.Unfit, match=r"^stacks/Pulumi\.x\.yaml: line 2$"):
        made([Stack("x", {}, frozenset(), "stacks/Pulumi.x.yaml: line 2")])


def given(folder: Path) -> list[str]:
    """A whole command line."""
    return [
        f"--{key}={value}"
        for key, value in (
            ("repository", CLUSTER.repository),
            ("backend", CLUSTER.backend),
            ("image", CLUSTER.image),
            ("secrets", CLUSTER.secrets),
            ("out", folder),
        )
    ]


def test_the_files(tmp_path: Path) -> None:
    k8s.main(given(tmp_path))
    [listed] = yaml.safe_load_all((tmp_path / "kustomization.yaml").read_text())
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*/*.yaml"))
    assert files == listed["resources"]
    assert len(files) == 6


@pytest.mark.parametrize("wrong", ["{team}@x", "{}@x", "{project@x"])
def test_an_identity_of_what_is_not_known_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with pytest.raises(SystemExit):
        k8s.main([*given(tmp_path), f"--identity={wrong}"])
    assert "only {project} and {stack} are filled in" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"^\[Errno 20\] Not a directory: .*$"):
        k8s.main(given(tmp_path / "file"))
