"""Pages that are made from the code are current, and wrong examples in the others are found."""

from pathlib import Path

import pytest

from tests.support.stack import REPOSITORY
from tools import docs, picture, reference


def test_the_reference_page_is_current() -> None:
    assert reference.TARGET.read_text() == reference.stack_file(), "run: make pages"


def test_the_picture_is_current() -> None:
    assert (REPOSITORY / "docs" / "concepts.svg").read_text() == picture.picture(), (
        "run: python -m tools.picture"
    )


CASES = [
    ("run", "false\n", "exit code 1"),
    ("run", "echo fine; no-such-command | cat\n", "no-such-command"),
    ("stack", "config: {vertex-tuning:team: search}\n", "vertex-tuning:environment: is missing"),
    ("shared", "services: [{name: tickets, tunning: {}}]\n", "did you mean tuning"),
    ("service", "[{name: tickets, tuning: {epochs: 0}}]\n", "epochs: must be at least 1"),
    ("runn", "true\n", "unknown mark 'runn'"),
]


@pytest.mark.parametrize(
    ("kind", "text", "told"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_wrong_example_is_found(tmp_path: Path, kind: str, text: str, told: str) -> None:
    assert told in str(docs.mistakes(docs.Example("page.md:1", kind, text), tmp_path))


def test_marked_blocks_are_found_with_their_place() -> None:
    page = REPOSITORY / "docs" / "how-to" / "teams.md"
    found = [*docs.examples(page)]
    assert {example.kind for example in found} == {"run", "stack", "shared"}
    first = page.read_text().splitlines()[int(found[0].where.rpartition(":")[2]) - 1]
    assert found[0].text.startswith(first)


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("")
    page = tmp_path / "page.md"
    page.write_text("[a](there.md#x) [b](https://example.com) [c](gone.md)")
    assert [*docs.dead_links(page)] == ["page.md: the link to gone.md leads nowhere"]
