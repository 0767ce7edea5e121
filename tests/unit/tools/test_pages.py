"""`make check` names generated files that differ from the code, `make pages` writes them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stack import REPOSITORY
from tools.pages import PAGES, __main__


def test_the_committed_files_are_current() -> None:
    # A process of its own: what other tests imported or changed is in no page.
    ran = subprocess.run(
        [sys.executable, "-m", "tools.pages", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("", 0), ran.stderr


def test_a_stale_file_is_named_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(__main__, "ROOT", tmp_path)
    monkeypatch.setattr(__main__, "PAGES", {"docs/a.md": lambda: "new\n", "docs/b.md": lambda: "same\n"})
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "b.md").write_text("same\n")

    monkeypatch.setattr(sys, "argv", ["pages", "--check"])
    assert __main__.main() == 1, "a missing file is stale"
    assert capsys.readouterr().out == "docs/a.md: stale; run `make pages`\n"
    assert not (tmp_path / "docs" / "a.md").exists()

    monkeypatch.setattr(sys, "argv", ["pages"])
    assert __main__.main() == 0
    assert (tmp_path / "docs" / "a.md").read_text() == "new\n"


def test_every_file_that_says_so_is_made() -> None:
    says = [
        path
        for path in (REPOSITORY / "docs").rglob("*.md")
        if "<!-- Made by `make pages`" in path.read_text()
    ]
    assert {str(path.relative_to(REPOSITORY)) for path in says} == {
        name for name in PAGES if name.endswith(".md")
    }
