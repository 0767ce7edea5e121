"""Wrong examples and dead links in documents are found."""

from pathlib import Path

import pytest

from tests.support.stack import REPOSITORY
from tools import docs

CASES = [
    ("run", "false\n", "exit code 1"),
    ("run", "echo fine; no-such-command | cat\n", "no-such-command"),
    ("stack", "config: {vertex-tuning:team: search}\n", "vertex-tuning:environment: is missing"),
    ("shared", "services: [{name: tickets, tunning: {}}]\n", "did you mean tuning"),
    ("service", "[{name: tickets, tuning: {epochs: 0}}]\n", "epochs: must be at least 1"),
    ("keys", "{vertex-tuning:budgett: {}}\n", "did you mean budget"),
    ("runn", "true\n", "'runn' is no mark of a block"),
    ("", "true\n", "'' is no mark of a block"),
    ("not-run", "true\n", "not-run needs its reason"),
]


@pytest.mark.parametrize(
    ("kind", "text", "told"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_wrong_example_is_found(tmp_path: Path, kind: str, text: str, told: str) -> None:
    assert told in str(docs.problems(docs.Example("page.md:1", kind, text), tmp_path))


def test_marked_blocks_are_found_with_their_place() -> None:
    page = REPOSITORY / "docs" / "how-to" / "teams.md"
    found = [*docs.examples(page)]
    assert {"run", "stack", "shared"} < {example.mark for example in found}
    for example in found:
        line = page.read_text().splitlines()[int(example.where.rpartition(":")[2]) - 1]
        assert example.text.startswith(line)


FENCES = [
    ("<!-- run -->\n```sh\ntrue\n```\n", "run", "a mark and a language"),
    ("text\n```\nprinted\n```\n", "", "neither"),
    ("<!-- run -->\n\n```sh\ntrue\n```\n", "", "a mark stands on the line above"),
    ("1. a step:\n\n   ```sh\n   true\n   ```\n", "", "inside a list"),
    ("<!-- not-run: wants a cloud -->\n```sh\ntrue\n```\n", "not-run: wants a cloud", "with its reason"),
]


@pytest.mark.parametrize(("text", "mark", "why"), FENCES, ids=[case[2] for case in FENCES])
def test_no_block_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, mark: str, why: str
) -> None:
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(text)
    assert [example.mark for example in docs.examples(tmp_path / "page.md")] == [mark], why


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# What `up` does, and why\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](there.md#what-up-does-and-why) [b](https://example.com/#x) [c](gone.md)"
        " [d](there.md#gone) [e](#here) [f](#gone)"
    )
    assert [*docs.dead_links(page)] == [
        "page.md: the link to gone.md leads nowhere",
        "page.md: there.md has no heading for #gone",
        "page.md: page.md has no heading for #gone",
    ]


def test_readers_of_the_root_documents_are_led_on() -> None:
    for name in ("README.md", "CONTRIBUTING.md"):
        assert "](docs/" in (REPOSITORY / name).read_text(), name
