"""The two commands of the README, in a clone of their own: `make up`, a look at an edit, `make destroy`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.emulator import CACHE
from tests.support.stack import REPOSITORY

pytestmark = pytest.mark.engine

PARTS = ("Pulumi.yaml", "infra", "stacks", "data", "tools/rehearsal.py")


class Clone:
    """What the rehearsal needs of the repository, and nothing that this machine's user has."""

    def __init__(self, folder: Path) -> None:
        self.root, self.folder = folder / "clone", folder / "run"
        for part in PARTS:
            (self.root / part).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
            copy(REPOSITORY / part, self.root / part)
        cache = folder / "cache" / "pulumi-vertex-tuning"
        cache.mkdir(parents=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        (cache / "emulator").symlink_to(CACHE)  # the base model, which takes half a minute to make
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "GOOGLE_", "VERTEX_"))
        }
        self.environment = {
            **inherited,
            "REHEARSAL_FOLDER": str(self.folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "STACK": "another",  # what other tools leave there is of no concern
        }

    def run(self, command: str, status: int = 0) -> str:
        ran = subprocess.run(
            [sys.executable, self.root / "tools" / "rehearsal.py", command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=600,
        )
        assert ran.returncode == status, ran.stdout
        return ran.stdout


def test_the_rehearsal(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    stack = clone.root / "stacks" / "Pulumi.demo-local.yaml"
    written = stack.read_text()
    try:
        first = clone.run("up")
        assert "resources changed." in first
        assert "Answer:   billing" in first
        assert "Nothing changed." in clone.run("up")
        stack.write_text(written.replace("epochs: 15", "epochs: 16"))
        preview = clone.run("preview")
        assert "epochs" in preview
        assert "starts a paid tuning" in preview
        assert "USD (list price of 2026-08-01)" in " ".join(preview.split()), "the demo shows an amount"
        stack.write_text(written)
        clone.run("destroy")
        assert not (clone.folder / "emulator.json").exists(), "the service stops with it"
        assert stack.read_text() == written, "no run changes a file under version control"
    finally:
        clone.run("stop")


def test_a_start_that_was_interrupted_is_made_good(tmp_path: Path) -> None:
    """The service is there and its bucket is not: the next command makes it."""
    clone = Clone(tmp_path)
    program = "import sys; sys.path.insert(0, 'tools'); import rehearsal; print(rehearsal.started()['url'])"
    try:
        subprocess.run([sys.executable, "-c", program], cwd=clone.root, env=clone.environment, check=True)
        assert "to create" in clone.run("preview"), "a missing bucket would be refused"
    finally:
        clone.run("stop")
