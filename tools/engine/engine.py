"""Find or make a Pulumi engine and print the folder that holds it.

    python3 tools/engine/engine.py [--pinned]

In this order: one on PATH within the tested range, the one made earlier in the user's cache folder,
the official installer, a build of the Go modules pinned beside this file. ``--pinned`` is for jobs that hold
an identity: it builds the pinned modules, whose hashes are in go.sum, and takes neither the engine of the
machine nor the installer's script. Standard library only, because it runs before the project's virtual
environment exists.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
MINIMUM = (3, 259, 0)
BELOW = (4, 0, 0)
"""An engine on PATH is used from the first version to below the second: what its protocol promises."""
INSTALLER = "https://get.pulumi.com"
INSTALLER_SECONDS = 900
ENGINE_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
HOST_PACKAGE = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
HOST_MODULE = "github.com/pulumi/pulumi/sdk/v3"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
# What the language host starts; the module carries them as scripts, not as packages.
HOST_SCRIPTS = (
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
    "python/dist/pulumi-analyzer-policy-python",
)
NEEDED = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "pulumi-resource-pulumi-python",
)


class CannotGetEngine(Exception):
    """No way to an engine worked; the message says what was tried."""


def say(text: str) -> None:
    print(f"engine: {text}", file=sys.stderr, flush=True)


def pinned(module: str, go_mod: Path) -> str:
    """The version of ``module`` that ``go_mod`` requires, such as ``v3.259.0``."""
    found = re.search(rf"{re.escape(module)} (v[\w.\-+]+)", go_mod.read_text())
    if found is None:
        raise CannotGetEngine(f"{go_mod} does not require {module}")
    return found.group(1)


def version_of(pulumi: Path) -> tuple[int, ...]:
    """The version that this binary reports, ``()`` where it does not run."""
    try:
        answer = subprocess.run(
            [pulumi, "version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer.strip())
    return tuple(int(part) for part in found.groups()) if found else ()


def usable(folder: Path) -> bool:
    return (
        all(os.access(folder / name, os.X_OK) for name in NEEDED)
        and MINIMUM <= version_of(folder / "pulumi") < BELOW
    )


def on_path() -> Path | None:
    found = shutil.which("pulumi")
    if found is None:
        return None
    # Package managers link the binary alone; its language host lies beside the real file.
    for folder in (Path(found).parent, Path(found).resolve().parent):
        if usable(folder):
            return folder
    first, last = (".".join(map(str, version)) for version in (MINIMUM, BELOW))
    say(
        f"{found} is not used: its version is not from {first} to below {last}, or its own Python language "
        "host is not beside it"
    )
    return None


def cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "pulumi-vertex-tuning" / "engine"


def install_officially(version: str, target: Path) -> bool:
    """Run Pulumi's own installer into ``target``; False where it cannot be reached."""
    try:
        with urllib.request.urlopen(INSTALLER, timeout=10) as answer:
            script = answer.read()
    except (OSError, http.client.HTTPException) as error:
        say(f"the official installer cannot be reached ({error}); building instead")
        return False
    say(f"installing Pulumi {version} with the official installer")
    with tempfile.TemporaryDirectory() as root:
        try:
            ran = subprocess.run(
                [
                    "sh",
                    "-s",
                    "--",
                    "--version",
                    version.lstrip("v"),
                    "--install-root",
                    root,
                    "--no-edit-path",
                ],
                input=script,
                stdout=sys.stderr,
                timeout=INSTALLER_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            say(f"the official installer did not end within {INSTALLER_SECONDS} seconds; building instead")
            return False
        if ran.returncode != 0 or not (Path(root) / "bin" / "pulumi").exists():
            say("the official installer failed; building instead")
            return False
        shutil.copytree(Path(root) / "bin", target, dirs_exist_ok=True)
    return True


def build(target: Path, version: str) -> None:
    go = shutil.which("go")
    if go is None:
        raise CannotGetEngine(
            "no Pulumi engine: none on PATH that may be used, no installer, "
            "and no Go to build one with. Install Go 1.26 or newer, or Pulumi, and run this again"
        )
    go_build(go, HERE / "language-python", HOST_PACKAGE, target / "pulumi-language-python", "")
    listed = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", HOST_MODULE],
        cwd=HERE / "language-python",
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise CannotGetEngine(f"the folder of {HOST_MODULE} is not known: {listed.stderr.strip()}")
    for script in HOST_SCRIPTS:
        copy = target / Path(script).name
        copy.write_bytes((Path(listed.stdout.strip()) / script).read_bytes())
        copy.chmod(0o755)
    go_build(go, HERE / "pulumi", ENGINE_PACKAGE, target / "pulumi", f"-X {VERSION_VARIABLE}={version}")


def go_build(go: str, folder: Path, package: str, output: Path, flags: str) -> None:
    """Build one package with a line of progress; Go prints a package's name when it compiles it."""
    name = output.name
    listed = subprocess.run(
        [go, "list", "-deps", package], cwd=folder, stdout=subprocess.PIPE, text=True, check=False
    )
    if listed.returncode != 0:
        raise CannotGetEngine(f"the Go modules of {name} could not be fetched; see the lines above")
    total, done, started, shown = len(listed.stdout.split()), 0, time.monotonic(), 0.0
    say(f"building {name} from {total} Go packages; the first time takes some minutes")
    tail: list[str] = []
    every = 1.0 if sys.stderr.isatty() else 30.0
    with subprocess.Popen(
        [go, "build", "-v", "-ldflags", f"-s -w {flags}", "-o", str(output), package],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr or ():
            done, tail = done + 1, [*tail[-20:], line]
            if time.monotonic() - shown >= every:
                shown = time.monotonic()
                text = f"engine: {name}: {done} of at most {total} packages, {shown - started:.0f} s"
                print(
                    f"\r{text}" if sys.stderr.isatty() else text,
                    end="" if sys.stderr.isatty() else "\n",
                    file=sys.stderr,
                    flush=True,
                )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if process.returncode != 0:
        raise CannotGetEngine(f"building {name} failed:\n{''.join(tail)}")
    say(f"built {name} in {time.monotonic() - started:.0f} s")


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One maker at a time; a second caller waits and then finds what the first one made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def engine(*, only_pinned: bool = False) -> Path:
    """The folder that holds a usable engine.

    Args:
        only_pinned: take only what the hashes in go.sum vouch for: neither PATH nor the installer.

    Raises:
        CannotGetEngine: when no way worked.
    """
    found = None if only_pinned else on_path()
    if found is not None:
        return found
    version = pinned("github.com/pulumi/pulumi/pkg/v3", HERE / "pulumi" / "go.mod")
    target = cache_folder() / (f"{version}-pinned" if only_pinned else version)
    if usable(target):
        return target
    with alone(cache_folder()):
        if usable(target):
            return target
        making = Path(tempfile.mkdtemp(prefix="making-", dir=cache_folder()))
        try:
            if only_pinned or not install_officially(version, making):
                build(making, version)
            if not usable(making):
                raise CannotGetEngine(f"the engine made in {making} does not run")
            shutil.rmtree(target, ignore_errors=True)
            making.rename(target)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return target


if __name__ == "__main__":
    try:
        print(engine(only_pinned="--pinned" in sys.argv[1:]))
    except CannotGetEngine as error:
        sys.exit(f"engine: {error}")
