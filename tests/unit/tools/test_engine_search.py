"""Where the engine comes from: PATH, the cache, the official installer, a build; in this order."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.engine import engine

VERSION = engine.pinned("github.com/pulumi/pulumi/pkg/v3", engine.HERE / "pulumi" / "go.mod")
PULUMI = "#!/bin/sh\necho {version}\n"
# Makes what the real one leaves below --install-root; the arguments are those that the real one takes.
INSTALLER = """
while [ "$1" != --install-root ]; do shift; done
mkdir -p "$2/bin"
for name in {names}; do printf '#!/bin/sh\\necho {version}\\n' > "$2/bin/$name"; chmod +x "$2/bin/$name"; done
"""
# Answers the calls of `build`: list packages, say where the module lies, build.
GO = """#!/bin/sh
echo "$1 $2" >> "{log}"
case "$1 $2" in
  "list -deps") echo one; echo two;;
  "list -m") echo "{module}";;
  "build -v")
    {failing}
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho {version}\\n' > "$2"; chmod +x "$2";;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on PATH: a shell's own tools, no engine, no Go; the cache is empty, nothing is reachable."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "mkdir", "chmod", "sleep"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(engine, "INSTALLER", (tmp_path / "unreachable").as_uri())
    return folder


def put(folder: Path, version: str, names: tuple[str, ...] = engine.NEEDED) -> Path:
    """An engine that says that it has this version."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(PULUMI.format(version=version))
        (folder / name).chmod(0o755)
    return folder


def offer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """An official installer that can be reached."""
    file = tmp_path / "installer"
    file.write_text(script.format(names=" ".join(engine.NEEDED), version=VERSION))
    monkeypatch.setattr(engine, "INSTALLER", file.as_uri())


def put_go(tmp_path: Path, tools: Path, failing: str = "") -> Path:
    """A Go that "builds"; what it was asked for is in the file returned."""
    module, log = tmp_path / "module", tmp_path / "go.log"
    for script in engine.HOST_SCRIPTS:
        (module / script).parent.mkdir(parents=True, exist_ok=True)
        (module / script).write_text("#!/bin/sh\n")
    (tools / "go").write_text(GO.format(log=log, module=module, version=VERSION, failing=failing))
    (tools / "go").chmod(0o755)
    return log


def test_one_on_path_that_is_recent_enough_comes_first(tmp_path: Path, tools: Path) -> None:
    put(tmp_path / "cache" / "pulumi-vertex-tuning" / "engine" / VERSION, VERSION)
    put(tools, "v3.999.0")
    assert engine.engine() == tools


def test_a_link_on_path_is_followed_to_its_language_host(tmp_path: Path, tools: Path) -> None:
    real = put(tmp_path / "real", VERSION)
    (tools / "pulumi").symlink_to(real / "pulumi")
    assert engine.engine() == real


UNFIT: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: put(folder, "v3.200.0"), "older than what the program needs"),
    (lambda folder: put(folder, "v4.0.0"), "of another major version than was tested"),
    (lambda folder: put(folder, VERSION, ("pulumi",)), "without its Python language host"),
    (lambda folder: put(folder, "broken"), "it does not say its version"),
    (lambda _: None, "none"),
]


@pytest.mark.parametrize(("on_path", "why"), UNFIT, ids=[case[1] for case in UNFIT])
def test_then_the_one_that_was_made_earlier(
    tmp_path: Path, tools: Path, on_path: Callable[[Path], object], why: str
) -> None:
    on_path(tools)
    cached = put(tmp_path / "cache" / "pulumi-vertex-tuning" / "engine" / VERSION, VERSION)
    assert engine.engine() == cached, why


def test_then_the_official_installer(tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = put_go(tmp_path, tools)
    offer(monkeypatch, tmp_path, INSTALLER)
    found = engine.engine()
    assert found == tmp_path / "cache" / "pulumi-vertex-tuning" / "engine" / VERSION
    assert engine.usable(found)
    assert not log.exists(), "nothing is built where something can be installed"
    (tmp_path / "installer").unlink()
    assert engine.engine() == found, "the second time it is there"


INSTALLERS = [
    (None, "cannot be reached", "no network but package registries"),
    ("exit 3", "the official installer failed", "it ends badly"),
    ("exit 0", "the official installer failed", "it says that all is well, and nothing is there"),
    ("sleep 60", "did not end within 0.2 seconds", "it hangs"),
]


@pytest.mark.parametrize(("script", "said", "why"), INSTALLERS, ids=[case[2] for case in INSTALLERS])
def test_last_a_build(
    tmp_path: Path,
    tools: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    script: str | None,
    said: str,
    why: str,
) -> None:
    log = put_go(tmp_path, tools)
    if script is not None:
        offer(monkeypatch, tmp_path, script)
    monkeypatch.setattr(engine, "INSTALLER_SECONDS", 0.2)
    found = engine.engine()
    assert said in capfd.readouterr().err, why
    assert engine.usable(found)
    assert log.read_text().splitlines().count("build -v") == 2, "the engine and its language host"


def test_a_job_with_an_identity_takes_only_what_hashes_vouch_for(
    tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tools, VERSION)
    put(tmp_path / "cache" / "pulumi-vertex-tuning" / "engine" / VERSION, VERSION)
    offer(monkeypatch, tmp_path, INSTALLER)
    log = put_go(tmp_path, tools)

    found = engine.engine(only_pinned=True)

    assert found == tmp_path / "cache" / "pulumi-vertex-tuning" / "engine" / f"{VERSION}-pinned"
    assert log.read_text().splitlines().count("build -v") == 2, "neither PATH nor the installer"


def test_no_way_is_told_in_one_line(tmp_path: Path, tools: Path) -> None:
    with pytest.raises(engine.CannotGetEngine, match=r"Install Go .* and run this again"):
        engine.engine()
    put_go(tmp_path, tools, failing="echo no space left >&2; exit 1")
    with pytest.raises(engine.CannotGetEngine, match="no space left"):
        engine.engine()
    left = list((tmp_path / "cache" / "pulumi-vertex-tuning" / "engine").iterdir())
    assert [path.name for path in left] == ["lock"], "half an engine is not kept"
