"""Previews that the real engine printed, and what a reviewer reads of them.

The previews are whole but for what no report needs: where in the program a resource stands, and times.
"""

from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.support.fake import FakeVertex
from vertex_tuning.pricing import NO_PRICES, read_book
from vertex_tuning.report import Report, build, html, markdown, read_preview
from vertex_tuning.report.compare import Comparison

HERE = Path(__file__).parent
PREVIEWS = sorted((HERE / "previews").glob("*.json"))


def report(name: str, *, priced: bool = True, **options: Any) -> Report:
    book = read_book(HERE / "prices.json") if priced else NO_PRICES
    return build(read_preview((HERE / "previews" / f"{name}.json").read_bytes()), book, **options)


class Markdown(SingleFileSnapshotExtension):
    file_extension = "md"
    _write_mode = WriteMode.TEXT


class Html(SingleFileSnapshotExtension):
    file_extension = "html"
    _write_mode = WriteMode.TEXT


@pytest.mark.parametrize("name", [path.stem for path in PREVIEWS])
def test_markdown(name: str, snapshot: SnapshotAssertion) -> None:
    assert markdown(report(name)) == snapshot(extension_class=Markdown)


@pytest.mark.parametrize("name", ["data", "budget"])
def test_html(name: str, snapshot: SnapshotAssertion) -> None:
    assert html(report(name)) == snapshot(extension_class=Html)


def test_which_examples_come_and_go(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    lines = [f'{{"prompt": "Ticket {n}", "completion": " billing"}}\n' for n in range(143)]
    old, new = tmp_path / "old.jsonl", tmp_path / "data" / "tickets-train-2.jsonl"
    for folder in ("infra", "data"):
        (tmp_path / folder).mkdir()
    old.write_text("".join(lines[:120]))
    new.write_text("".join(lines[2:]))
    vertex = FakeVertex("test-bucket")
    vertex.storage.upload(old, "gs://test-bucket/models/datasets/cebfa1e4a4a39c1c77eafd506c995f4c.jsonl")
    found = report("data", compared=Comparison(tmp_path / "infra", vertex))
    assert markdown(found) == snapshot(extension_class=Markdown)
    assert "120 → 141 examples; 23 lines added, 2 removed" in markdown(found)


def test_without_prices_nothing_is_invented(snapshot: SnapshotAssertion) -> None:
    assert markdown(report("unpriced", priced=False)) == snapshot(extension_class=Markdown)
