"""The published wheel, in an empty environment outside the repository, with the README's ten lines."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import REPOSITORY, Workspace

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it declares to need, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=REPOSITORY)
    [wheel] = folder.glob("*.whl")
    # The same versions as everywhere else; the wheel itself decides which of them come along.
    constraints = folder / "constraints.txt"
    lock = (REPOSITORY / "requirements.lock").read_text()
    constraints.write_text(
        "\n".join(re.findall(r"^[A-Za-z0-9][^ ]*==[^ ]+(?: ;[^\\\n]*)?", lock, re.MULTILINE))
    )
    uv = str(Path(sys.executable).parent / "uv")
    run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder / "venv"))
    python = str(folder / "venv" / "bin" / "python")
    run(uv, "pip", "install", "--quiet", "--python", python, "--constraint", str(constraints), str(wheel))
    return folder / "venv"


def run(*command: str, cwd: Path | None = None) -> None:
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def ten_lines() -> str:
    """The program that the README shows."""
    found = re.search(
        r"```python\n(import pulumi\n.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL
    )
    assert found, "the README shows a program"
    return found.group(1)


@dataclass(frozen=True)
class Elsewhere(Workspace):
    """A workspace whose programs run in another environment."""

    venv: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        """As everywhere, with the other environment first and without this one."""
        ours = str(Path(sys.executable).parent)
        path = [part for part in os.environ["PATH"].split(os.pathsep) if part != ours]
        inherited = {name: value for name, value in super().environment.items() if name != "PYTHONPATH"}
        return {**inherited, "PATH": os.pathsep.join([str(self.venv / "bin"), *path])}


@pytest.fixture
def elsewhere(
    workspace: Callable[..., Workspace], installed: Path, training_file: Path
) -> Iterator[Elsewhere]:
    made = workspace(program=ten_lines())
    (made.folder / "infra" / "train.jsonl").write_bytes(training_file.read_bytes())
    stack = Elsewhere(made.folder, made.endpoint, venv=installed)
    yield stack
    stack.destroy()


def test_ten_lines_with_the_wheel(elsewhere: Elsewhere) -> None:
    where = subprocess.run(
        [elsewhere.venv / "bin" / "python", "-c", "import vertex_tuning; print(vertex_tuning.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=elsewhere.folder,
        env=elsewhere.environment,
    ).stdout
    assert where.startswith(str(elsewhere.venv)), "not the repository's"
    previewed = elsewhere.run("preview", "--logtostderr", "-v=7")
    assert previewed.ok, previewed.text
    # Its name says `pulumi-`: without a word of ours the engine takes it for a plugin's package, and looks for
    # the plugin on the network for seconds, on every command.
    assert "is required by language host" not in previewed.text, previewed.text
    ran = elsewhere.up()
    assert ran.ok, ran.text
    outputs: dict[str, Any] = elsewhere.outputs()
    assert outputs["endpoint"].startswith("projects/test-project/locations/us-central1/endpoints/vt-")
    assert elsewhere.resource("DeployedModel")["phase"] == "ready"
