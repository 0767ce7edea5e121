"""A job leaves intermediate checkpoints beside the final one, each a full set of weights; it may end in part."""

import re
from typing import Any

import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain

FOLDER = "out/postprocess/node-0/checkpoints"


def files(plain: Plain) -> dict[str, list[str]]:
    """The files of each folder of weights."""
    listed = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params={"prefix": f"{FOLDER}/"}).get(
        "items", []
    )
    found: dict[str, list[str]] = {}
    for item in listed:
        folder, name = item["name"].removeprefix(f"{FOLDER}/").rsplit("/", 1)
        found.setdefault(folder, []).append(name)
    return found


def tuned(plain: Plain, epochs: int, mode: str = "TUNING_MODE_FULL", **spec: Any) -> dict[str, Any]:
    return plain.ended(
        plain.tune(spec={"hyperParameters": {"epochCount": str(epochs)}, "tuningMode": mode, **spec})
    )


@pytest.mark.parametrize("mode", ["TUNING_MODE_FULL", "TUNING_MODE_PEFT_ADAPTER"])
@pytest.mark.evidence("jobs.checkpoints", side="service")
def test_each_epoch_below_ten_leaves_a_full_set_of_weights(plain: Plain, mode: str) -> None:
    assert tuned(plain, 3, mode)["state"] == "JOB_STATE_SUCCEEDED"
    found = files(plain)
    found.pop("adapter", None)
    final = found.pop("final")
    assert len(found) == 3
    assert all(re.fullmatch(r"checkpoint-\d+", folder) for folder in found)
    assert "checkpoint-2" not in found, "their numbers do not follow one another"
    assert all(names == final for names in found.values())


@pytest.mark.evidence("jobs.checkpoints", side="service")
def test_ten_are_the_most_and_any_can_be_deployed_and_tuned_on_from(plain: Plain) -> None:
    assert tuned(plain, 12)["state"] == "JOB_STATE_SUCCEEDED"
    found = [folder for folder in files(plain) if folder.startswith("checkpoint-")]
    assert len(found) == 10
    uri = f"gs://{plain.bucket}/{FOLDER}/{sorted(found)[0]}"
    further = plain.ended(plain.tune(outputUri=f"gs://{plain.bucket}/further", customBaseModel=uri))
    assert further["state"] == "JOB_STATE_SUCCEEDED", further


def test_a_job_that_exports_its_last_checkpoint_only_leaves_no_other(plain: Plain) -> None:
    tuned(plain, 3, exportLastCheckpointOnly=True)
    assert not [folder for folder in files(plain) if folder.startswith("checkpoint-")]


PARTS = [("all", {"checkpoint", "final"}), ("checkpoints", {"checkpoint"}), ("none", set[str]())]


@pytest.mark.parametrize(("weights", "left"), PARTS, ids=[case[0] for case in PARTS])
@pytest.mark.evidence("jobs.partially-succeeded", side="service")
def test_a_job_can_end_in_part(emulator: RunningEmulator, plain: Plain, weights: str, left: set[str]) -> None:
    path = f"{plain.project}.*tuningJobs"
    emulator.admin.fault(path, "job_partial", method="POST", message="export broke", weights=weights)
    job = tuned(plain, 2)
    assert (job["state"], job["error"]["message"]) == ("JOB_STATE_PARTIALLY_SUCCEEDED", "export broke")
    assert "model" not in job.get("tunedModel", {})
    assert {folder.partition("-")[0] for folder in files(plain)} - {"adapter"} == left
