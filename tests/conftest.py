"""What tests of several folders share."""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import settings

from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator, emulator_fixture
from tests.support.plain import Plain
from tests.support.stack import Workspace
from vertex_tuning.dataset.crew import usable_cores

PROJECT = "test-project"
BUCKET = "test-bucket"
TEAMS = {"charged twice": "billing", "parcel is late": "shipping", "cannot sign in": "accounts"}


# How long an example takes says how busy the machine is.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

MOST_WORKERS = 16


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two processes a core: tests on the engine wait half of their time for jobs, machines and each other's ends."""
    return min(2 * usable_cores(), MOST_WORKERS)


# Quick ones first: what is wrong is known soon.
ORDER = ("unit", "contract", "property", "evidence", "emulator", "clients", "engine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the folders in the order above."""
    root = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(root).parts[0]
        return ORDER.index(folder) if folder in ORDER else len(ORDER)

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what tests have counted or measured, whichever process they ran in."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and report.user_properties:
            told = ", ".join(f"{name} {value}" for name, value in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid}: {told}")


def make_bucket(url: str, name: str = BUCKET) -> None:
    """Make a bucket; every test of a stack needs one, because ``verify`` makes none."""
    answer = httpx.post(f"{url}/storage/v1/b?project={PROJECT}", json={"name": name}, timeout=30)
    assert answer.status_code in (200, 409), answer.text


emulator = emulator_fixture(ready=make_bucket)
"""An embedded Vertex AI for the tests of one file."""


@pytest.fixture
def plain(emulator: RunningEmulator, request: pytest.FixtureRequest) -> Plain:
    """A project of the test's own, so that no test sees another's resources."""
    emulator.admin.clear_faults()
    return Plain.of_test(emulator.url, request.node.nodeid)


def write_tickets(path: Path) -> Path:
    """A few examples whose completion follows from the prompt."""
    rows = [
        {"prompt": f"Ticket {n}: {text}.\nTeam:", "completion": f" {team}"}
        for n in range(4)
        for text, team in TEAMS.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_sums(path: Path) -> Path:
    """So many examples that a job with 50 epochs runs until somebody ends it."""
    rows = [{"prompt": f"What is {n} and {n}?", "completion": f" It is {2 * n}."} for n in range(2000)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def training_file(tmp_path: Path) -> Path:
    """Tickets to tune on."""
    return write_tickets(tmp_path / "train.jsonl")


@pytest.fixture
def values(training_file: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A stack file's values: one service, tuned for one epoch and served; its folder is this test's."""
    return {
        "team": "tests",
        "environment": "local",
        "target": "embedded",
        "project": PROJECT,
        "region": "us-central1",
        "output_uri": f"gs://{BUCKET}/{request.node.name[:60].lower().replace('[', '-').rstrip(']')}",
        "services": [
            {
                "name": "tickets",
                "tuning": {
                    "base_model": "meta/llama3_1@llama-3.1-8b",
                    "mode": "FULL",
                    "training_data": str(training_file),
                    "epochs": 1,
                },
            }
        ],
    }


@pytest.fixture
def workspace(tmp_path: Path, emulator: RunningEmulator) -> Iterator[Callable[..., Workspace]]:
    """Makes stacks on the real engine; what is left of them is taken away without it, which is quicker."""
    if shutil.which("pulumi") is None:
        pytest.fail("the Pulumi engine is not on PATH; run the tests with `make test`")
    emulator.admin.clear_faults()
    made = count()

    def make(values: dict[str, Any] | None = None, **options: Any) -> Workspace:
        new = Workspace.make(tmp_path / f"project{next(made)}", emulator.url, **options)
        if values is not None:
            new.configure(values)
        return new

    yield make
    emulator.admin.clear_faults()
    Cloud(emulator, PROJECT).clear()
