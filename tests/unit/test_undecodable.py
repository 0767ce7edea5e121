"""Whatever bytes a file from outside holds, who reads it hears of the file and never of a codec."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from tests.support.fake import FakeVertex
from tools.ci.github import GitHubError, pull_request
from vertex_tuning import catalog, lineage, prompts
from vertex_tuning.cli.states import read_export
from vertex_tuning.pricing.book import read_book
from vertex_tuning.report.preview import read_preview
from vertex_tuning.vertex.errors import InvalidRequest
from vertex_tuning.weights.checkpoint import examine
from vertex_tuning.weights.safetensors import Unreadable, read_header

NOT_UTF8 = b'{"a": "\xff"}'
TOO_DEEP = b'{"a": ' + b"[" * 100_000


def claim(path: Path) -> None:
    fake = FakeVertex("b")
    fake.storage.put("gs://b/o/.claims/Endpoint/e.json", path.read_bytes())
    fake.context_for("gs://b/o").claims.read("Endpoint/e", "")


def header(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    read_header(path)


def part_of_a_checkpoint(path: Path) -> None:
    path.rename(path.with_name("config.json"))
    _, problems = examine(path.parent, catalog.models()[0], embedded=False)
    raise Unreadable(str(problems))


READERS: dict[str, tuple[Callable[[Path], object], type[Exception], str]] = {
    "a state that doctor is given": (read_export, typer.BadParameter, "pulumi stack export"),
    "a claim": (claim, InvalidRequest, "gs://b/o/.claims/Endpoint/e.json"),
    "a price book": (read_book, ValueError, "is no price book"),
    "a preview": (lambda path: read_preview(path.read_bytes()), ValueError, "is not what `pulumi preview"),
    "prompts": (prompts.read, ValueError, "line 1"),
    "a lineage": (lambda path: lineage.read(path.read_bytes()), ValueError, ""),
    "a configuration beside weights": (part_of_a_checkpoint, Unreadable, "cannot be read"),
    "a header of tensors": (header, Unreadable, "invalid safetensors header"),
    "GitHub's event": (
        lambda path: pull_request({"GITHUB_EVENT_PATH": str(path)}),
        GitHubError,
        "no workflow of a pull request",
    ),
}


@pytest.mark.parametrize("content", [NOT_UTF8, TOO_DEEP], ids=["not UTF-8", "too deep"])
@pytest.mark.parametrize(("read", "error", "told"), READERS.values(), ids=READERS)
def test_what_cannot_be_decoded_is_refused_by_its_reader(
    tmp_path: Path, read: Callable[[Path], object], error: type[Exception], told: str, content: bytes
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(error) as refused:
        read(path)
    assert told in str(refused.value)
    assert not isinstance(refused.value, UnicodeDecodeError), "it names a codec, not the file"
