"""`vertex-tuning init`: a file that is right from the start, or none."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.support.stack import REPOSITORY
from vertex_tuning.cli.app import app
from vertex_tuning.stack import NAMESPACE, Stack, load
from vertex_tuning.stack.files import read_mapping
from vertex_tuning.stack.schema import stack_schema

SEARCH = ("--team", "search", "--env", "dev")
TEAM = """
services:
  - name: tickets
    tuning: {base_model: meta/llama3_1@llama-3.1-8b, mode: FULL, training_data: gs://acme/t.jsonl}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text((REPOSITORY / "Pulumi.yaml").read_text())
    (tmp_path / "stacks" / "teams").mkdir(parents=True)
    (tmp_path / "stacks" / "defaults.yaml").write_text("region: us-central1\n")
    (tmp_path / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    return tmp_path


def init(root: Path, *options: str) -> tuple[int, str, str]:
    ran = CliRunner().invoke(app, ["init", *options, "--root", str(root)])
    return ran.exit_code, ran.stdout, ran.stderr


def written(root: Path, stack: str = "search-dev") -> Stack:
    """What the file says, as the program reads it."""
    file = read_mapping(root / "stacks" / f"Pulumi.{stack}.yaml")
    assert not [*Draft202012Validator(stack_schema()).iter_errors(file)]
    values = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in file["config"].items()}
    return load(stack, values, {}, root=root)


def test_a_stack_with_a_first_service(root: Path) -> None:
    status, told, next_step = init(root, *SEARCH, "--project", "acme-search-dev", "--data", "train.jsonl")
    assert (status, told) == (0, "stacks/Pulumi.search-dev.yaml is written. Services: tickets.\n")
    baseline, place, next_step = next_step.splitlines(keepends=True)
    assert "at learning_rate 0.0002, epochs 3, adapter_size 16" in baseline
    assert place.startswith("Tuned at global: Google chooses a region with free machines")
    assert next_step == (
        'Next: pulumi stack init search-dev --secrets-provider "gcpkms://…" (docs/how-to/state.md), '
        "then: pulumi preview --stack search-dev\n"
    )
    stack = written(root)
    assert stack.settings.region == "us-central1", "shared, so not written again"
    assert stack.settings.output_uri == "gs://acme-search-dev-tuning/models"
    assert [service.spec.name for service in stack.services] == ["tickets"]
    assert stack.services[0].spec.tuning_location == "global"


def test_a_team_that_has_services_needs_none(root: Path) -> None:
    (root / "stacks" / "teams" / "search.yaml").write_text(TEAM)
    status, told, _ = init(root, *SEARCH, "--project", "acme-search-dev", "--bucket", "acme-weights")
    assert (status, told) == (0, "stacks/Pulumi.search-dev.yaml is written. Services: tickets.\n")
    assert written(root).settings.output_uri == "gs://acme-weights/models"
    assert "services" not in (root / "stacks" / "Pulumi.search-dev.yaml").read_text()


def test_without_services_it_shows_one(root: Path) -> None:
    status, told, _ = init(root, *SEARCH, "--project", "acme-search-dev", "--region", "europe-west4")
    assert (status, told) == (
        0,
        "stacks/Pulumi.search-dev.yaml is written. Services: none yet; add one to the file.\n",
    )
    assert written(root).settings.region == "europe-west4"
    path = root / "stacks" / "Pulumi.search-dev.yaml"
    path.write_text(path.read_text().replace("  # ", "  ").replace("data/tickets-train", "train"))
    assert [service.spec.name for service in written(root).services] == ["tickets"], "the example is one"


def test_a_file_that_is_there_stays(root: Path) -> None:
    path = root / "stacks" / "Pulumi.search-dev.yaml"
    path.write_text("config: {}\n")
    status, _, told = init(root, *SEARCH, "--project", "acme-search-dev")
    assert (status, path.read_text()) == (1, "config: {}\n")
    assert told == "error: stacks/Pulumi.search-dev.yaml exists already. Edit it, or remove it first\n"


REFUSED = [
    (
        ("--team", "../x", "--env", "dev"),
        "vertex-tuning:team: must be at most 63",
        "no way out of the folder",
    ),
    ((*SEARCH,), "vertex-tuning:project: is missing", "nobody has named it"),
    ((*SEARCH, "--project", "P"), "vertex-tuning:project: must be a project id", "no such project can be"),
    (
        (*SEARCH, "--project", "acme-search-dev", "--region", "us-centrl1"),
        "did you mean us-central1",
        "a typing error",
    ),
    (
        (*SEARCH, "--project", "acme-search-dev", "--data", "gone.jsonl"),
        "services[0].tuning.training_data: ",
        "data that are not there",
    ),
    (
        (*SEARCH, "--project", "acme-search-dev", "--data", "train.jsonl", "--mode", "LORA"),
        "services[0].tuning.mode: ",
        "a closed set",
    ),
]


@pytest.mark.parametrize(("options", "said", "why"), REFUSED, ids=[case[2] for case in REFUSED])
def test_nothing_is_written_with_a_mistake(root: Path, options: tuple[str, ...], said: str, why: str) -> None:
    before = sorted(root.rglob("*"))
    status, _, told = init(root, *options)
    assert (status, sorted(root.rglob("*"))) == (1, before), why
    assert said in told


def test_only_in_a_projects_folder(tmp_path: Path) -> None:
    status, _, told = init(tmp_path, *SEARCH)
    assert status == 1
    assert "has no Pulumi.yaml" in told
