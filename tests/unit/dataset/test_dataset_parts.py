"""Large files are examined in parts, by workers, many lines at a time: none of it shows in what comes out."""

import hashlib
import os
import subprocess
import sys
import tempfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.dataset.examples import GOOD_CHAT, GOOD_PAIR, chat, jsonl, written
from vertex_tuning.dataset import Contents, DatasetFormat, Survey, crew, inspect, pieces, reading, survey
from vertex_tuning.dataset.examiner import DIGEST_BYTES, Part, examine
from vertex_tuning.dataset.shapes import DECODERS, decode_lines
from vertex_tuning.dataset.tally import Tally
from vertex_tuning.decoding import REFUSED

PAIR, CHAT = jsonl(GOOD_PAIR), jsonl(GOOD_CHAT)
LINES = [
    PAIR,
    PAIR.replace(b"car", "Straße".encode()),
    CHAT,
    PAIR.strip() + b"\r\n",
    jsonl({**GOOD_PAIR, "id": {"a": [{}]}}),
    jsonl({**GOOD_PAIR, "completion": " "}),
    jsonl(chat(("assistant", "a"), ("user", "b"))),
    b"\n",
    b" \r\n",
    b"{}\n",
    b"no\n",
    b"\xff\n",
]
files = st.lists(st.sampled_from(LINES), max_size=12).map(b"".join)

# What whole objects can be cut up into, and put together again in ways that only look like lines of objects.
SCRAPS = [
    PAIR.strip(),
    PAIR.strip()[:-1],
    b'{"prompt":"a"',
    b'"completion":"b"}',
    b'{"prompt":"a\n"',
    b'"x":{"y":1}',
    b'"x":"}\n{"',
    b"{",
    b"}",
    b",",
    b"\n",
    b"\n",
    b"\r\n",
    b" ",
]


def line_by_line(chunk: bytes, name: DatasetFormat) -> list[Any] | None:
    """The examples of a chunk whose lines each decode as one; None when any does not."""
    try:
        return [DECODERS[name].decode(line) for line in BytesIO(chunk)]
    except REFUSED:
        return None


@given(st.lists(st.sampled_from(SCRAPS), max_size=14).map(b"".join))
@example(PAIR.strip() * 2 + b"\n\n")  # as many objects as lines, but not one on each
@example(PAIR.strip() * 2 + b"\n" + PAIR.replace(b",", b",\n"))
@example(PAIR.replace(b", ", b",\n") + PAIR.strip() + b"," + PAIR)
def test_many_lines_at_once_are_read_as_one_by_one(chunk: bytes) -> None:
    at_once = decode_lines(chunk, DatasetFormat.PROMPT_COMPLETION)
    if at_once is not None:
        one_by_one = line_by_line(chunk, DatasetFormat.PROMPT_COMPLETION)
        assert one_by_one is not None
        assert [(e.prompt, e.completion) for e in at_once] == [(e.prompt, e.completion) for e in one_by_one]


@pytest.mark.parametrize("line", [PAIR, PAIR.strip() + b"\r\n", jsonl({**GOOD_PAIR, "id": {"a": [{}]}})])
@pytest.mark.parametrize("lines", [1, 2, 100])
def test_usual_lines_are_read_at_once(line: bytes, lines: int) -> None:
    """Else the shortcut would be one in name only."""
    for content in (line * lines, (line * lines).rstrip()):
        examples = decode_lines(content, DatasetFormat.PROMPT_COMPLETION)
        assert examples is not None
        assert len(examples) == lines


@given(files, st.lists(st.integers(0, 12), max_size=4))
def test_parts_come_together_to_the_whole(content: bytes, cuts: list[int]) -> None:
    ends = [0]
    for line in BytesIO(content):
        ends.append(ends[-1] + len(line))
    borders = sorted({0, len(content), *(ends[min(cut, len(ends) - 1)] for cut in cuts)})
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder, "train.jsonl"), content)
        with path.open("rb", buffering=0) as file:
            whole = examine(file.fileno(), Part(0, len(content), closer=True))
            tally, digests = Tally(), b""
            for start, end in pairwise(borders):
                part = examine(file.fileno(), Part(start, end, tally.format, closer=True))
                digests = digests.ljust(tally.lines * DIGEST_BYTES, b"\0") + part.digests
                tally = tally.then(part.tally)
    tally.findings.sort(key=lambda finding: (finding.line or 0, finding.kind))
    whole.tally.findings.sort(key=lambda finding: (finding.line or 0, finding.kind))
    assert tally == whole.tally
    assert digests.rstrip(b"\0") == whole.digests.rstrip(b"\0")


def seen(found: Survey) -> tuple[object, ...]:
    return found.outcome, found.lengths, found.digests.repeats()


MIXED = b"\xef\xbb\xbf" + b"".join(LINES) + b"".join(LINES[:3]) * 500
GOOD = b"\n" + b"".join(LINES[:2] + LINES[4:6]) * 500 + PAIR.strip()


@pytest.fixture(params=[MIXED, GOOD], ids=["mixed", "good"])
def large(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of many small parts, which is taken for a large one on a machine with cores to spare."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 300)
    monkeypatch.setattr(pieces, "PART_BYTES", 500)
    monkeypatch.setattr(reading, "workers_for", lambda _size: 2)
    return written(tmp_path / "train.jsonl", request.param)


def alone(path: Path) -> tuple[object, ...]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "workers_for", lambda _size: 0)
        return seen(survey(path))


def test_workers_find_what_one_process_finds(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = seen(survey(large))
    # Small parts are done here before a worker is awake, unless they are left to it.
    monkeypatch.setattr(reading, "_lend_a_hand", lambda *_arguments: None)
    assert seen(survey(large)) == together == alone(large)


def test_totals_are_those_of_all_parts(large: Path) -> None:
    dataset = inspect(large).dataset
    contents = survey(large).outcome.dataset
    if large.read_bytes() == GOOD:
        assert dataset is not None
        assert dataset.examples == 2001
        assert dataset.size == len(GOOD)
        assert dataset.sha256 == hashlib.sha256(GOOD).hexdigest()
        assert contents == Contents(**{name: getattr(dataset, name) for name in Contents.__struct_fields__})
    else:
        assert dataset is contents is None


def test_progress_goes_up_to_the_end(large: Path) -> None:
    told: list[int] = []
    survey(large, told.append)
    assert len(told) > 100
    assert min(told) > 0
    assert sum(told) == large.stat().st_size


@pytest.mark.parametrize(
    ("module", "name", "value", "reason"),
    [
        (crew, "_START", "raise SystemExit(1)", "a worker may die at once, for want of memory say"),
        (
            crew,
            "_START",
            "import sys; sys.stdout.buffer.write(bytes([0] * 7 + [1] * 9))",
            "it may talk nonsense",
        ),
        (sys, "executable", "/nowhere/python", "a program that holds Python may not say where Python is"),
    ],
)
def test_without_workers_the_file_is_examined_all_the_same(
    module: object, name: str, value: str, reason: str, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(large)
    monkeypatch.setattr(module, name, value)
    assert seen(survey(large)) == expected, reason


INTERRUPTED = """
import os, sys
from pathlib import Path
from vertex_tuning.dataset import pieces, reading, survey
print("this is __main__")
pieces.PIECE_BYTES = pieces.PART_BYTES = 500
reading.workers_for = lambda size: 2

def interrupted(done):
    raise KeyboardInterrupt

try:
    survey(Path(sys.argv[1]), interrupted)
except KeyboardInterrupt:
    pass
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no process is left")
"""


def test_an_interrupted_run_leaves_no_process_and_the_program_runs_once(large: Path) -> None:
    """As in a Pulumi program, the user's module is `__main__`, and has no guard against being run again."""
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, large], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.splitlines() == ["this is __main__", "no process is left"]
    assert run.stderr == ""


def test_a_worker_imports_little() -> None:
    """What it imports is paid for in each worker; the packages around it import Pulumi."""
    program = crew._START.replace("main(int(file))", "print(*sys.modules)")
    arguments = ["0", *crew.import_folders()]
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    foreign = loaded - sys.stdlib_module_names - {"__main__", "vertex_tuning", "msgspec", "typing_extensions"}
    assert "msgspec" in loaded
    assert foreign == set()
    assert "subprocess" not in loaded


def test_small_files_and_single_cores_need_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3, 4, 5, 6, 7}, raising=False)
    assert crew.workers_for(crew.WORTH_A_CREW - 1) == 0
    assert crew.workers_for(crew.WORTH_A_CREW) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0}, raising=False)
    assert crew.workers_for(1 << 40) == 0
