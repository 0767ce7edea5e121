"""Good files: what is counted, and that the counts do not depend on how the file is cut or written."""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import dataset_bench
from tests.unit.dataset.examples import GOOD_CHAT, GOOD_PAIR, chat, contents, jsonl, written
from vertex_tuning.dataset import (
    Dataset,
    DatasetFormat,
    Finding,
    FindingKind,
    Inspection,
    crew,
    estimate_tokens,
    inspect,
    pieces,
)
from vertex_tuning.dataset.fingerprint import Fingerprint

BAD_LINES = [b"no", b"{}", b"[]", b'{"prompt": 1}', b"\xff", b'{"messages": []}', b'"\\ud800"', b"{}{}"]

texts = st.text(st.characters(codec="utf-8"), max_size=40).filter(str.strip)
pairs = st.builds(lambda prompt, completion: {"prompt": prompt, "completion": completion}, texts, texts)


@st.composite
def chats(draw: st.DrawFn) -> dict[str, Any]:
    system = [("system", draw(texts))] if draw(st.booleans()) else []
    between = draw(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), texts), max_size=4))
    return chat(*system, ("user", draw(texts)), *between, ("assistant", draw(texts)))


def as_contents(example: dict[str, Any]) -> dict[str, Any]:
    """The same conversation in the form of GenerateContent."""
    turns = [(message["role"], message["content"]) for message in example["messages"]]
    system = turns.pop(0)[1] if turns[0][0] == "system" else ""
    return contents(*turns, system=system)


def listed(examples: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(examples, min_size=1, max_size=30)


files_of_one_format = listed(pairs) | listed(chats()) | listed(chats().map(as_contents))


def said(example: dict[str, Any]) -> list[tuple[str, str]]:
    """Role and text of each turn of a GenerateContent example, and of its system instruction."""
    told = [("system", example["systemInstruction"])] if "systemInstruction" in example else []
    turns = [*told, *((content["role"], content) for content in example["contents"])]
    return [(role, "".join(part["text"] for part in turn["parts"])) for role, turn in turns]


def figures(examples: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """Examples, characters, characters to learn and the longest example, counted the plain way."""
    turns = [
        [(m["role"], len(m["content"])) for m in e["messages"]]
        if "messages" in e
        else [(role, len(text)) for role, text in said(e)]
        if "contents" in e
        else [("user", len(e["prompt"])), ("assistant", len(e["completion"]))]
        for e in examples
    ]
    lengths = [sum(n for _, n in example) for example in turns]
    learned = sum(n for example in turns for role, n in example if role == "assistant")
    return len(examples), sum(lengths), learned, max(lengths)


def good(path: Path) -> Dataset:
    inspection = inspect(path)
    assert inspection.findings == ()
    assert inspection.dataset is not None
    return inspection.dataset


def test_a_file_of_prompts_and_completions(tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(GOOD_PAIR, {"prompt": "ñ日🚗", "completion": "é"}))
    assert good(path) == Dataset(
        path=str(path),
        format=DatasetFormat.PROMPT_COMPLETION,
        examples=2,
        characters=14 + 15 + 3 + 1,
        estimated_tokens=9,
        completion_tokens_estimate=4,
        longest_example_tokens=8,
        size=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        crc32c=base64.b64encode(google_crc32c.value(path.read_bytes()).to_bytes(4, "big")).decode(),
    )


def test_the_document_s_own_chat_example(tmp_path: Path) -> None:
    """There, each content stands before its role."""
    turns = [dict(reversed(turn.items())) for turn in GOOD_CHAT["messages"]]
    dataset = good(written(tmp_path / "train.jsonl", jsonl({"messages": turns})))
    assert (dataset.format, dataset.examples, dataset.characters) == (DatasetFormat.CHAT, 1, 14 + 14 + 15)


def test_crc32c_is_written_as_cloud_storage_writes_it() -> None:
    """The check value of CRC-32C over "123456789" is e3069283 in every catalogue of checksums."""
    fingerprint = Fingerprint()
    fingerprint.add([b"1234", b"56789"])
    assert fingerprint.crc32c == base64.b64encode(bytes.fromhex("e3069283")).decode() == "4waSgw=="


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (jsonl(GOOD_PAIR, GOOD_PAIR).rstrip(b"\n"), "the last line needs no line end"),
        (jsonl(GOOD_PAIR, GOOD_PAIR).replace(b"\n", b"\r\n"), "Windows ends lines with CRLF"),
        (jsonl({**GOOD_PAIR, "id": 7, "source": {"url": []}}, GOOD_PAIR), "unknown keys are not read"),
        (jsonl({**GOOD_PAIR, "messages": None}, GOOD_PAIR), "tables write absent columns as null"),
        (json.dumps(GOOD_PAIR).encode().join([b"  ", b"  \n"]) * 2, "white space around an object is JSON"),
        (
            jsonl({**GOOD_PAIR, "weight": 1, "tools": []}, GOOD_PAIR),
            "keys that ask for nothing else are fine",
        ),
    ],
)
def test_what_is_unusual_and_good(content: bytes, reason: str, tmp_path: Path) -> None:
    assert good(written(tmp_path / "train.jsonl", content)).examples == 2, reason


@pytest.mark.parametrize(("characters", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)])
def test_tokens_are_a_quarter_of_the_characters_rounded_up(characters: int, tokens: int) -> None:
    assert estimate_tokens(characters) == tokens


@given(files_of_one_format)
def test_counts_are_those_of_the_examples_written(examples: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        dataset = good(written(Path(folder, "train.jsonl"), jsonl(*examples)))
    count, characters, learned, longest = figures(examples)
    assert (dataset.examples, dataset.characters) == (count, characters)
    assert dataset.estimated_tokens == estimate_tokens(characters)
    assert dataset.completion_tokens_estimate == estimate_tokens(learned)
    assert dataset.longest_example_tokens == estimate_tokens(longest)


@given(files_of_one_format, st.sampled_from(BAD_LINES), st.data())
def test_a_bad_line_is_reported_where_it_stands(
    examples: list[dict[str, Any]], bad: bytes, data: st.DataObject
) -> None:
    lines = jsonl(*examples).splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines)))
    content = b"".join([*lines[:at], bad + b"\n", *lines[at:]])
    with tempfile.TemporaryDirectory() as folder:
        inspection = inspect(written(Path(folder, "train.jsonl"), content))
    assert [finding.line for finding in inspection.findings] == [at + 1]
    assert inspection.dataset is None


@given(st.text("ab\r\n", max_size=200).map(str.encode), st.integers(1, 30), st.integers(0, 12))
def test_lines_survive_any_cut(content: bytes, size: int, more: int) -> None:
    """Pieces end anywhere; lines come out whole, and those longer than the bound come out as None."""
    longest = size + more  # the bound is never below the size of a piece
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "MAX_LINE_BYTES", longest)
        chunks = list(pieces.whole_lines(content[at : at + size] for at in range(0, len(content), size)))
    lines = [line for chunk in chunks for line in ([None] if chunk is None else BytesIO(chunk))]
    assert lines == [line if len(line) <= longest else None for line in BytesIO(content)]


@given(st.text("ab\n", max_size=300).map(str.encode), st.integers(1, 20), st.integers(1, 60))
def test_parts_are_whole_lines_one_after_another(content: bytes, piece: int, part: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", piece)
        patch.setattr(pieces, "PART_BYTES", part)
        with written(Path(folder, "lines"), content).open("rb", buffering=0) as file:
            parts = list(pieces.parts(file.fileno()))
    assert b"".join(content[start:end] for start, end in parts) == content
    assert all(content[end - 1 : end] == b"\n" for _, end in parts[:-1])
    assert all(end - start >= part for start, end in parts[1:-1])


def test_memory_stays_flat(tmp_path: Path) -> None:
    """60 MB of conversations take less than 20 MB: some pieces of 64 KiB, and what is decoded from one."""
    line = jsonl(chat(("user", "What is a car? " * 20), ("assistant", "Ein Straßenfahrzeug. " * 30)))
    path = written(tmp_path / "train.jsonl", line * (60_000_000 // len(line)))
    program = (
        "import resource, sys; from pathlib import Path; from vertex_tuning.dataset import inspect;"
        "import google_crc32c;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); assert inspect(Path(sys.argv[1])).dataset; print(peak() - before)"
    )
    run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    grown_kb = int(run.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert grown_kb < 20_000


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory of other processes is read from /proc"
)
@pytest.mark.skipif(crew.workers_for(1 << 40) == 0, reason="a single core needs no workers")
def test_memory_stays_flat_with_workers(tmp_path: Path) -> None:
    """Three times the data take no more memory, that of the workers included."""
    line = jsonl(chat(("user", "What is a car? " * 20), ("assistant", "Ein Straßenfahrzeug. " * 30)))
    peaks = []
    for size in (crew.WORTH_A_CREW + len(line), 3 * crew.WORTH_A_CREW):
        path = written(tmp_path / "train.jsonl", line * (size // len(line)))
        peaks.append(dataset_bench.mebibytes(dataset_bench.CONTENDERS["inspect"], path))
    smaller, larger = peaks
    assert larger < smaller + 20, peaks
    assert larger < dataset_bench.MOST_MEBIBYTES, peaks


def test_importing_loads_nothing_heavy() -> None:
    """Every preview imports the package; what only hashing needs is left for when a file is read.

    What the plugin around it imports is not its doing, so it is imported under a bare parent.
    """
    program = (
        "import sys, types; parent = sys.modules['vertex_tuning'] = types.ModuleType('vertex_tuning');"
        "parent.__path__ = [sys.argv[1]]; import vertex_tuning.dataset; print(*sys.modules)"
    )
    parent = Path(pieces.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", program, parent], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert "msgspec" in loaded
    assert loaded.isdisjoint({"google_crc32c", "pydantic", "pulumi", "rich", "typer"})


ERROR = Finding(line=1, kind=FindingKind.BAD_JSON, message="no")
WARNING = Finding(line=1, kind=FindingKind.BLANK_LINE, message="blank")
DATASET = Dataset("p", DatasetFormat.CHAT, 1, 1, 1, 1, 1, 1, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((None, (), 0), "a dataset is present exactly when"),
        ((None, (WARNING,), 1), "a dataset is present exactly when"),
        ((DATASET, (ERROR,), 1), "a dataset is present exactly when"),
        ((None, (ERROR,), 2), "not the sum"),
        ((None, (ERROR,), 2, {FindingKind.BAD_JSON: 1, FindingKind.EMPTY: 1}), "different kinds"),
        ((None, (ERROR, ERROR), 1, {FindingKind.BAD_JSON: 1}), "more findings than counted"),
    ],
)
def test_inspections_cannot_contradict_themselves(arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Inspection(*arguments)
