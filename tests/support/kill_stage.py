"""What the tests that kill `pulumi` share: one stack, in whichever project and form a point wants it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BUCKET, make_bucket, write_tickets
from tests.support.cloud import Cloud
from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.stack import Workspace


def folder_of(project: str) -> str:
    """The output folder of the stack in this project."""
    return f"gs://{BUCKET}/{project}"


@dataclass(frozen=True)
class Quick(Workspace):
    """A workspace whose runs give up soon on what a list does not show: nothing lags here."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "VERTEX_TUNING_GRACE_SECONDS": "2"}


@dataclass
class Stage:
    """One stack for all points of a file; `struck` counts those at which a run was killed."""

    workspace: Workspace
    emulator: RunningEmulator
    training: Path
    struck: int = 0

    def declare(
        self, project: str, *, wait: bool = True, epochs: int = 1, serving: Mapping[str, Any] | None = None
    ) -> Cloud:
        """Write the stack file: one service, tuned and served, in a project and folder of that name."""
        self.workspace.configure(
            {
                "team": "tests",
                "environment": "local",
                "target": "embedded",
                "project": project,
                "region": "us-central1",
                "output_uri": folder_of(project),
                "wait": wait,
                "services": [
                    {
                        "name": "tickets",
                        "tuning": {
                            "base_model": "meta/llama3_1@llama-3.1-8b",
                            "mode": "FULL",
                            "training_data": str(self.training),
                            "epochs": epochs,
                        },
                        "serving": serving or {},
                    }
                ],
            }
        )
        return Cloud(self.emulator, project)


def stage_fixture() -> Any:
    """A fixture that lays one out for a file and takes it down: ``stage = stage_fixture()``."""

    @pytest.fixture(scope="module")
    def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
        folder = tmp_path_factory.mktemp("kill")
        # Operations take their time, so that runs are also cut off while one is under way.
        emulator = start_emulator(folder / "emulator", "--speed", "fast")
        make_bucket(emulator.url)
        training = write_tickets(folder / "train.jsonl")
        workspace = Quick.make(folder / "project", emulator.url)
        yield Stage(workspace, emulator, training)
        emulator.admin.clear_faults()
        workspace.run("cancel", "--yes")
        workspace.destroy()
        emulator.stop()

    return stage
