"""What is read: a preview, the resources of others, and data line by line."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fake import FakeVertex
from tests.support.previews import DATASET, built, step
from vertex_tuning.report import read_preview
from vertex_tuning.report.compare import Comparison


def test_other_resources_are_counted() -> None:
    other = {
        "op": "create",
        "urn": "urn:pulumi:dev::p::gcp:storage/bucket:Bucket::b",
        "newState": {"type": "gcp:storage/bucket:Bucket"},
    }
    assert built(other, other).others == {"create gcp:storage/bucket:Bucket": 2}


BAD = [
    (b"", "preview --json", "nothing at all, as of a command that failed to start"),
    (b"Previewing update", "preview --json", "not JSON"),
    (b"{}", "neither steps nor diagnostics", "another JSON"),
    (b'{"steps": [{"op": "same"}]}', "preview --json", "a step without an urn"),
    (b'{"steps": [{"op": "same", "urn": "x"}]}', "preview --json", "an urn that is none"),
]


@pytest.mark.parametrize(("text", "said", "why"), BAD, ids=[case[2] for case in BAD])
def test_what_is_no_preview(text: bytes, said: str, why: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_preview(text)


def compared(folder: Path, vertex: Any, **before: Any) -> Any:
    after = {**DATASET, "content": "sha256:b", "uri": "gs://test-bucket/b.jsonl", "examples": 3}
    change = step("replace", "TuningDataset", {**DATASET, "examples": 3, **before}, after)
    [service] = built(change, compared=Comparison(folder, vertex)).services
    return service.data[0]


def test_lines_are_compared_wherever_they_stand(tmp_path: Path) -> None:
    vertex = FakeVertex("test-bucket")
    old = tmp_path / "old"
    old.write_text("one\ntwo\ntwo\nthree\n")
    vertex.storage.upload(old, "gs://test-bucket/a.jsonl")
    (tmp_path / "a.jsonl").write_text("three\r\n\nfour\ntwo\n")
    found = compared(tmp_path, vertex)
    assert (found.added, found.removed) == (1, 2), "four came; one and one of two went; the order is nothing"


NOT_COMPARED: list[tuple[bool, dict[str, Any], str, str]] = [
    (False, {}, "the new file does not exist", "the report is made elsewhere"),
    (True, {}, "the old content cannot be read", "the old object is gone"),
    (True, {"bytes": 1e12}, "larger than", "a report is not worth a terabyte"),
    (True, {"source": "gs://b/x"}, "is in Cloud Storage", "the bytes were never here"),
]


@pytest.mark.parametrize(("there", "before", "said", "why"), NOT_COMPARED, ids=[c[3] for c in NOT_COMPARED])
def test_what_is_not_compared_says_why(
    tmp_path: Path,
    *,
    there: bool,
    before: dict[str, Any],
    said: str,
    why: str,
) -> None:
    if there:
        (tmp_path / "a.jsonl").write_text("one\n")
    found = compared(tmp_path, FakeVertex("test-bucket"), **before)
    assert (found.added, found.removed) == (None, None)
    assert said in found.not_compared, why
