"""The page that the product stands for, run from top to bottom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.plain import REGION, Plain

SCRIPT = Path(__file__).with_name("documented_script.py")


def run_script(plain: Plain, custom_base_model: str) -> str:
    blanks = {
        "PROJECT_ID": plain.project,
        "REGION": REGION,
        "STORAGE_URI": plain.bucket,
        "CUSTOM_BASE_MODEL": custom_base_model,
        "API_ENDPOINT": plain.url,
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT)],
        env={**os.environ, **blanks},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("base", ["the embedded base model", "weights of an earlier job"])
def test_the_documented_script_runs_as_it_is_written(plain: Plain, base: str) -> None:
    row = b'{"prompt": "What is a car?", "completion": "A car is a machine that carries people on roads."}\n'
    plain.put("train.jsonl", row * 16)
    plain.put("validation.jsonl", row)
    custom = ""
    if base == "weights of an earlier job":
        earlier = plain.ended(
            plain.vertex("POST", "/tuningJobs", plain.job(outputUri=f"gs://{plain.bucket}/e"))
        )
        assert earlier["state"] == "JOB_STATE_SUCCEEDED", earlier
        custom = f"gs://{plain.bucket}/e/postprocess/node-0/checkpoints/final"

    printed = run_script(plain, custom)

    predictions = [line for line in printed.splitlines() if line.startswith("PREDICTION")]
    assert len(predictions) == 1
    (endpoint,) = plain.vertex("GET", "/endpoints")["endpoints"]
    (deployed,) = endpoint["deployedModels"]
    assert deployed["dedicatedResources"]["machineSpec"] == {
        "machineType": "g2-standard-12",
        "acceleratorType": "NVIDIA_L4",
        "acceleratorCount": 1,
    }
