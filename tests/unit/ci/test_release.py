"""A release is refused while tag, version and changelog differ."""

import pytest

from tools.release import mistakes

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
    assert mistakes(tag, "0.1.0", changelog) == told
