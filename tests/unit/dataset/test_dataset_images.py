"""GenerateContent and images: what is counted, what is kept, and which formats a file may have."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.dataset.examples import GOOD_CHAT, chat, contents, jsonl, written
from vertex_tuning.dataset import Dataset, DatasetFormat, FindingKind, inspect, survey

PNG = "data:image/png;base64,iVBORw0KGgo="
ANSWER = {"role": "assistant", "content": "a cat"}


def shown(*addresses: str, asked: str = "What is it?") -> dict[str, Any]:
    """A chat about images."""
    images = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": asked}, *images]}, ANSWER]}


def shown_contents(uri: str, *, snake_case: bool = False) -> dict[str, Any]:
    """The same in the form of GenerateContent."""
    file = {"mimeType": "image/png", "fileUri": uri}
    part: dict[str, Any] = {"fileData": file}
    if snake_case:
        part = {"file_data": {"mime_type": "image/png", "file_uri": uri}}
    answer = {"role": "assistant", "parts": [{"text": "a cat"}]}
    return {"contents": [{"role": "user", "parts": [{"text": "What is it?"}, part]}, answer]}


def good(path: Path, *examples: Any) -> Dataset:
    found = inspect(written(path / "train.jsonl", jsonl(*examples)))
    assert found.dataset is not None, found.findings
    return found.dataset


@pytest.mark.evidence("data.generate-content", side="plugin")
def test_generate_content_is_counted_like_the_same_chat(tmp_path: Path) -> None:
    turns = ("user", "What is a car?"), ("assistant", "A road vehicle.")
    first = good(tmp_path, contents(*turns, system="You are terse."))
    second = good(tmp_path, chat(("system", "You are terse."), *turns))
    assert first.format is DatasetFormat.GENERATE_CONTENT
    assert (first.characters, first.completion_tokens_estimate) == (
        second.characters,
        second.completion_tokens_estimate,
    )


def test_the_parts_of_a_turn_are_one_text(tmp_path: Path) -> None:
    example = contents(("user", "a"), ("assistant", "b"))
    example["contents"][1]["parts"].append({"text": "cd"})
    assert good(tmp_path, example).characters == 4


@pytest.mark.evidence("data.images", side="plugin")
@pytest.mark.parametrize(
    ("example", "kept", "reason"),
    [
        (shown("gs://b/a.jpg"), ["gs://b/a.jpg"], "JPEG by its name"),
        (shown("gs://b/a.PNG"), ["gs://b/a.PNG"], "a name in capitals"),
        (shown("gs://b/a.webp", "gs://b/b.jpeg"), ["gs://b/a.webp", "gs://b/b.jpeg"], "two images"),
        (shown("gs://b/a"), ["gs://b/a"], "a name that says nothing may be an image"),
        (shown(PNG), [], "an image in the line is nowhere else"),
        (shown("gs://b/a.png", asked=""), ["gs://b/a.png"], "an image is a question"),
        (shown_contents("gs://b/a.png"), ["gs://b/a.png"], "GenerateContent names a file"),
        (shown_contents("gs://b/a.png", snake_case=True), ["gs://b/a.png"], "the page writes file_data"),
    ],
)
def test_images_are_examples(example: dict[str, Any], kept: list[str], reason: str, tmp_path: Path) -> None:
    found = good(tmp_path, example, example)
    assert (found.examples, found.image_examples) == (2, 2), reason
    assert [image.uri for image in found.images] == kept * 2
    assert {image.line for image in found.images} <= {1, 2}
    assert found.warnings == {}


def test_the_same_question_about_another_image_is_no_repeat(tmp_path: Path) -> None:
    path = written(
        tmp_path / "train.jsonl", jsonl(shown("gs://b/1.png"), shown("gs://b/2.png"), shown("gs://b/1.png"))
    )
    assert [(r.line, r.first) for r in survey(path).digests.repeats().first] == [(3, 1)]


def test_text_and_images_are_counted_apart(tmp_path: Path) -> None:
    found = good(tmp_path, GOOD_CHAT, shown("gs://b/1.png"), GOOD_CHAT)
    assert (found.examples, found.image_examples) == (3, 1)
    assert found.images[0].line == 2


def test_what_is_not_read_is_no_part_of_an_example(tmp_path: Path) -> None:
    lines = [{**GOOD_CHAT, "weight": 0}, {**GOOD_CHAT, "label": False}, GOOD_CHAT]
    path = written(tmp_path / "train.jsonl", jsonl(*lines))
    assert survey(path).digests.repeats().total == 2
    dataset = inspect(path).dataset
    assert dataset is not None
    assert dataset.warnings == {FindingKind.NOT_READ: 2}
    assert [finding.line for finding in dataset.warned] == [1]
