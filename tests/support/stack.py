"""A stack of this repository's program on the real engine, in a folder of its own."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.rehearsal import NOTHING_FETCHED, state_in

REPOSITORY = Path(__file__).parents[2]
STACK = "test"


@dataclass(frozen=True)
class Ran:
    """One command of the engine: its exit status and everything that it printed."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status == 0


@dataclass(frozen=True)
class Step:
    """What a preview would do to one resource, and which inputs make it so."""

    operation: str
    kind: str
    name: str
    because: tuple[str, ...]

    def __str__(self) -> str:
        because = f" ({', '.join(self.because)})" if self.because else ""
        return f"{self.operation} {self.kind} {self.name}{because}"


@dataclass(frozen=True)
class Workspace:
    """A Pulumi project with its own state; the program is the repository's unless another is given."""

    folder: Path
    endpoint: str | None
    plugins: Path | None = None
    plugin_settings: Mapping[str, str] = field(default_factory=dict)
    stack: str = field(default=STACK, kw_only=True)
    variables: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    @classmethod
    def make(
        cls,
        folder: Path,
        endpoint: str | None,
        program: str | None = None,
        plugins: Path | None = None,
        plugin_settings: Mapping[str, str] | None = None,
    ) -> "Workspace":
        """Lay out the project.

        ``program`` is the text of a ``__main__.py`` to run instead of ours. In ``plugins`` the engine finds
        resource plugins, and ``plugin_settings`` are their keys in the stack file.
        """
        (folder / "stacks").mkdir(parents=True)
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text((REPOSITORY / "Pulumi.yaml").read_text())
        if program is None:
            # A copy, because the program finds its project's shared files beside its own folder.
            shutil.copytree(
                REPOSITORY / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            (folder / "infra").mkdir()
            (folder / "infra" / "__main__.py").write_text(program)
        workspace = cls(folder, endpoint, plugins, plugin_settings or {})
        made = workspace.run("stack", "init")
        assert made.ok, made.text
        return workspace

    def beside(self, stack: str) -> "Workspace":
        """Another stack of the same project, in the same state."""
        workspace = replace(self, stack=stack)
        made = workspace.run("stack", "init")
        assert made.ok, made.text
        return workspace

    @property
    def environment(self) -> dict[str, str]:
        """The engine's environment: own state, own home, no credentials of the machine."""
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "GOOGLE_", "VERTEX_"))
        }
        return {
            **inherited,
            "PULUMI_BACKEND_URL": state_in(self.folder / "state"),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            **NOTHING_FETCHED,
            **({"PATH": f"{self.plugins}{os.pathsep}{os.environ['PATH']}"} if self.plugins else {}),
            **({"VERTEX_TUNING_ENDPOINT": self.endpoint} if self.endpoint else {}),
            **self.variables,
        }

    def configure(self, values: Mapping[str, Any]) -> None:
        """Write the stack file; JSON is YAML."""
        config = {f"vertex-tuning:{key}": value for key, value in values.items()} | dict(self.plugin_settings)
        salt = [line for line in self._file.read_text().splitlines() if line.startswith("encryptionsalt")]
        self._file.write_text("\n".join([f"config: {json.dumps(config)}", *salt, ""]))

    @property
    def _file(self) -> Path:
        return self.folder / "stacks" / f"Pulumi.{self.stack}.yaml"

    def command(self, *arguments: str) -> list[str]:
        """The engine's command line."""
        return ["pulumi", *arguments, "--stack", self.stack, "--non-interactive", "--color", "never"]

    def run(self, *arguments: str, timeout: float = 300) -> Ran:
        """Run the engine to its end."""
        command = self.command(*arguments)
        if arguments[:2] == ("stack", "init"):
            command = ["pulumi", "stack", "init", self.stack, "--non-interactive", "--color", "never"]
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ran(ran.returncode, ran.stdout + ran.stderr)

    def cli(self, *arguments: str, timeout: float = 120) -> Ran:
        """Run `vertex-tuning` in the project's folder; `@` stands for the stack's name."""
        ran = subprocess.run(
            ["vertex-tuning", *(self.stack if word == "@" else word for word in arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ran(ran.returncode, ran.stdout + ran.stderr)

    def up(self, *arguments: str) -> Ran:
        """Bring the stack to what its file says."""
        return self.run("up", "--yes", "--skip-preview", "--parallel", "64", *arguments)

    def refresh(self) -> Ran:
        """Read back what is there."""
        return self.run("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Ran:
        """Take it all down."""
        return self.run("destroy", "--yes", "--skip-preview", "--parallel", "64")

    def preview(self) -> Ran:
        """As a user sees it."""
        return self.run("preview")

    def steps(self) -> list[Step]:
        """What a preview would do, resource by resource; what stays as it is is left out."""
        ran = subprocess.run(
            self.command("preview", "--json"),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return [
            Step(
                step["op"],
                step["urn"].split("::")[2].rsplit("$", 1)[-1].rsplit(":", 1)[-1],
                step["urn"].rsplit("::", 1)[1],
                _because(step),
            )
            for step in json.loads(ran.stdout)["steps"]
            if step["op"] not in ("same", "create-replacement", "delete-replaced")
            and "pulumi:pulumi:Stack" not in step["urn"]
        ]

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json").text)
        return found

    def state(self) -> list[dict[str, Any]]:
        """Every resource in the state."""
        exported = json.loads(self.run("stack", "export").text)
        found: list[dict[str, Any]] = exported["deployment"].get("resources") or []
        return found

    def resource(self, kind: str) -> dict[str, Any]:
        """The outputs of the one live resource of this kind."""
        [found] = [r for r in self.state() if r["type"].endswith(f"vertex:{kind}") and not r.get("delete")]
        outputs: dict[str, Any] = found["outputs"]
        return outputs

    def last_changes(self) -> Counter[str]:
        """What the last update did, by operation, without what stayed the same."""
        history = json.loads(self.run("stack", "history", "--json", "--page-size", "1").text)
        changes: dict[str, int] = history[0].get("resourceChanges") or {}
        return Counter({operation: count for operation, count in changes.items() if operation != "same"})


def _because(step: dict[str, Any]) -> tuple[str, ...]:
    """The inputs that differ from what the state says is there."""
    old, new = step.get("oldState"), step.get("newState")
    if not old or not new:
        return ()
    wanted, there = new.get("inputs") or {}, old.get("outputs") or {}
    return tuple(sorted(key for key in wanted if wanted[key] != there.get(key)))
