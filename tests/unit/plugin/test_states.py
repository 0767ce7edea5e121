"""States that released versions wrote are read by today's code: nothing is stranded, nothing changes by itself.

A file in ``states`` is what ``pulumi stack export`` printed after an `up` of ``demo-local`` with that version.
Files are added with each release and never edited.
"""

import base64
import json
from pathlib import Path
from typing import Any

import dill
import pytest

from vertex_tuning.lifecycle import Phase, Provider

STATES = sorted((Path(__file__).parent / "states").glob("*.json"))
KINDS = ["Readiness", "TuningDataset", "TuningJob", "TunedModel", "Endpoint", "DeployedModel"]


def resources(path: Path, kind: str) -> list[dict[str, Any]]:
    state = json.loads(path.read_text())["deployment"]["resources"]
    return [resource for resource in state if resource["type"] == f"pulumi-python:dynamic/vertex:{kind}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", STATES, ids=[path.stem for path in STATES])
def test_a_released_state_is_read_and_unchanged(path: Path, kind: str) -> None:
    found = resources(path, kind)
    assert found, "every kind is in it"
    for resource in found:
        provider = dill.loads(base64.b64decode(resource["outputs"]["__provider"]))  # noqa: S301 - our own file
        assert isinstance(provider, Provider), "its class is still found by its name"
        inputs = provider._parsed(resource["outputs"])
        assert provider.identity(inputs) == resource["id"], "identity does not depend on the version"
        assert resource["outputs"]["phase"] == Phase.READY
        diff = provider.diff(resource["id"], resource["outputs"], resource["inputs"])
        assert diff.changes is False, "an update of the package alone changes nothing"


@pytest.mark.parametrize("path", STATES, ids=[path.stem for path in STATES])
def test_a_state_holds_no_secret_and_no_folder_of_a_machine(path: Path) -> None:
    text = path.read_text()
    assert "ciphertext" not in json.dumps([r for kind in KINDS for r in resources(path, kind)])
    assert str(Path.home()) not in text
    assert "/tmp/" not in text  # noqa: S108 - looked for, not used
