"""A release is refused while tag, version and changelog differ."""

import subprocess
from pathlib import Path

import pytest

from tools.release import off_main, problems

DATED = "# Changelog\n\n## 0.1.0 (2026-11-24)\n"
CASES = [
    ("v0.1.0", DATED, []),
    ("v0.2.0", DATED, ["the tag is v0.2.0, and pyproject.toml says 0.1.0: tag v0.1.0"]),
    ("0.1.0", DATED, ["the tag is 0.1.0, and pyproject.toml says 0.1.0: tag v0.1.0"]),
    ("v0.1.0", "## 0.1.0 (unreleased)\n", ["CHANGELOG.md says 'unreleased' where the day of 0.1.0 belongs"]),
    ("v0.1.0", "## 0.0.9 (2026-01-01)\n", ["CHANGELOG.md has no heading `## 0.1.0 (YYYY-MM-DD)`"]),
]


@pytest.mark.parametrize(("tag", "changelog", "told"), CASES)
def test_a_release(tag: str, changelog: str, told: list[str]) -> None:
    assert problems(tag, "0.1.0", changelog) == told


def test_only_what_is_on_main_is_released(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main")
    git("commit", "--allow-empty", "-m", "merged")
    assert off_main(tmp_path), "nobody knows a main"
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert off_main(tmp_path) == []
    git("commit", "--allow-empty", "-m", "not merged")
    assert off_main(tmp_path) == ["the tagged commit is not on main: merge it first, then tag main"]
