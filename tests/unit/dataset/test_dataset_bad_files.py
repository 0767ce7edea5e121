"""Every way for a file to be wrong that we know of: where it is reported, as what, and how to mend it."""

import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.unit.dataset.examples import GOOD_CHAT, GOOD_PAIR, chat, contents, jsonl, written
from vertex_tuning.dataset import FindingKind, Severity, inspect
from vertex_tuning.dataset.examiner import Examiner
from vertex_tuning.dataset.pieces import MAX_LINE_BYTES

K = FindingKind
PAIR, CHAT = jsonl(GOOD_PAIR), jsonl(GOOD_CHAT)


class Case(NamedTuple):
    reason: str
    content: bytes
    line: int | None
    kind: FindingKind
    says: str


def with_turn(**keys: Any) -> dict[str, Any]:
    """A good chat whose answer has other keys, too."""
    answer = {"role": "assistant", "content": "b", **keys}
    return {"messages": [{"role": "user", "content": "a"}, answer]}


def asking(*parts: Any) -> bytes:
    """A chat whose question is made of parts."""
    question = {"role": "user", "content": list(parts)}
    return jsonl({"messages": [question, {"role": "assistant", "content": "b"}]})


def showing(address: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": address}}


def asking_contents(*parts: Any) -> bytes:
    answer = {"role": "assistant", "parts": [{"text": "b"}]}
    return jsonl({"contents": [{"role": "user", "parts": list(parts)}, answer]})


PNG = "data:image/png;base64,iVBORw0KGgo="
UTF16 = jsonl(GOOD_PAIR).decode()
SEVERAL_LINES = "over several lines"
PREFERENCE = jsonl({"prompt": "q", "chosen": "good", "rejected": "bad"})
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"

CASES = [
    # The file as a whole
    Case("no bytes hold no example", b"", None, K.EMPTY, "write at least one"),
    Case("a checkout without LFS has the pointer only", LFS_POINTER, None, K.GIT_LFS_POINTER, "git lfs pull"),
    Case("Vertex reads plain JSON Lines", gzip.compress(PAIR), None, K.COMPRESSED, "unpack it"),
    Case("PowerShell redirects write UTF-16", "\ufeff{}".encode("utf-16-le"), None, K.NOT_UTF8, "UTF-16"),
    Case("a byte order mark is no JSON", b"\xef\xbb\xbf" + PAIR, 1, K.BYTE_ORDER_MARK, "without BOM"),
    Case("a byte order mark may be missing", UTF16.encode("utf-16-le"), None, K.NOT_UTF8, "UTF-16"),
    Case("in either order", UTF16.encode("utf-16-be"), None, K.NOT_UTF8, "UTF-16"),
    # The line as text
    Case("Latin-1 text breaks in every tokenizer", PAIR + b'{"prompt":"\xe9"}\n', 2, K.NOT_UTF8, "byte 12 "),
    Case("bad bytes under keys nobody reads count too", b'{"id":"\xff"}\n' + PAIR, 1, K.NOT_UTF8, "byte 8 "),
    Case("a line that was cut off", PAIR + PAIR[:20] + b"\n" + PAIR, 2, K.BAD_JSON, "one whole JSON object"),
    Case("two objects on one line are one example lost", PAIR.strip() * 2, 1, K.BAD_JSON, "trailing"),
    Case("NaN is Python's JSON, not JSON", b'{"prompt": NaN, "completion": "x"}', 1, K.BAD_JSON, "byte 12"),
    Case("half a surrogate pair is no character", b'{"prompt":"\\ud800"}', 1, K.BAD_JSON, "not JSON"),
    Case("nesting must not end the program", b"[" * 100_000, 1, K.BAD_JSON, "too deeply"),
    Case("a pretty-printed list begins with its bracket", b"[\n", 1, K.BAD_JSON, "over several lines"),
    Case("a pretty-printed example opens a list", b'{"messages": [\n', 1, K.BAD_JSON, SEVERAL_LINES),
    Case("its turns end with a comma", b' {"role": "user", "content": "q"},\n', 1, K.BAD_JSON, SEVERAL_LINES),
    Case("its last turn is no example", jsonl({"role": "assistant"}), 1, K.WRONG_SHAPE, "this is one turn"),
    Case("its end closes what other lines opened", b"]}\n", 1, K.BAD_JSON, SEVERAL_LINES),
    Case(
        "half a surrogate pair at the end is no truncation",
        b'{"prompt": "smile", "completion": "ok \\ud83d"}\n',
        1,
        K.BAD_JSON,
        "half of a surrogate pair",
    ),
    Case("bytes are counted from 1", PAIR[:19] + b"\n", 1, K.BAD_JSON, "ends at byte 19"),
    Case(
        "a line without end must not fill memory",
        b" " * MAX_LINE_BYTES + PAIR,
        1,
        K.TOO_LONG_LINE,
        "line feed",
    ),
    Case(
        "the same when the file ends first",
        PAIR + b"x" * (MAX_LINE_BYTES + 1),
        2,
        K.TOO_LONG_LINE,
        "line feed",
    ),
    # The line as an object
    Case("a list is no example", PAIR + b"[1, 2]\n", 2, K.WRONG_SHAPE, "a list"),
    Case("a string is no example", b'"text"\n', 1, K.WRONG_SHAPE, "a string"),
    Case(
        "a misspelt key is a missing one",
        jsonl({"prompt": "a", "compeltion": "b"}),
        1,
        K.WRONG_SHAPE,
        '"completion"',
    ),
    Case("an answer without its question", jsonl({"completion": "b"}), 1, K.WRONG_SHAPE, '"prompt"'),
    Case("an empty object", b"{}\n", 1, K.WRONG_SHAPE, "neither"),
    Case("data prepared for PaLM", jsonl({"input_text": "a", "output_text": "b"}), 1, K.WRONG_SHAPE, "PaLM"),
    Case(
        "both formats at once can be read two ways",
        jsonl({**GOOD_CHAT, **GOOD_PAIR}),
        1,
        K.WRONG_SHAPE,
        "one format",
    ),
    Case(
        "the same in a file that began well",
        PAIR + jsonl({**GOOD_CHAT, **GOOD_PAIR}),
        2,
        K.WRONG_SHAPE,
        "one format",
    ),
    Case("a key written twice", b'{"messages":5,' + CHAT[1:], 1, K.WRONG_SHAPE, "twice"),
    Case(
        "null is no text", jsonl({"prompt": "a", "completion": None}), 1, K.WRONG_TYPE, "completion is null"
    ),
    Case(
        "a number is no text", jsonl({"prompt": 7, "completion": "b"}), 1, K.WRONG_TYPE, "prompt is a number"
    ),
    Case("a chat in a file of prompts", PAIR + CHAT, 2, K.MIXED_FORMATS, "began as prompt_completion"),
    Case("a prompt in a file of chats", CHAT + CHAT + PAIR, 3, K.MIXED_FORMATS, "began as chat"),
    # What is not read, and changes what is learned
    Case(
        "a system prompt beside the messages",
        jsonl({"system": "Answer in French.", **GOOD_CHAT}),
        1,
        K.SYSTEM_NOT_READ,
        "as the first message",
    ),
    Case(
        "one beside a prompt",
        jsonl({"system": "s", **GOOD_PAIR}),
        1,
        K.SYSTEM_NOT_READ,
        "at the beginning of the prompt",
    ),
    Case(
        "one that is spelt as Python spells it",
        jsonl({"system_instruction": "s", **contents(("user", "a"), ("assistant", "b"))}),
        1,
        K.SYSTEM_NOT_READ,
        '"systemInstruction"',
    ),
    Case("preference data are no pairs", PREFERENCE, 1, K.WRONG_SHAPE, "this is preference data"),
    Case(
        "a call of a tool is no text",
        jsonl({"messages": [{"role": "assistant", "content": None, "tool_calls": [CALL]}]}),
        1,
        K.WRONG_TYPE,
        "learns no tool calls",
    ),
    Case(
        "one without a content either",
        jsonl({"messages": [{"role": "assistant", "function_call": CALL}]}),
        1,
        K.WRONG_SHAPE,
        "learns no tool calls",
    ),
    Case(
        "turns of ShareGPT among messages",
        jsonl({"messages": [{"from": "human", "value": "q"}]}),
        1,
        K.WRONG_SHAPE,
        'rename "from" to "role"',
    ),
    Case(
        "turns of PaLM among messages",
        jsonl({"messages": [{"author": "user", "content": "q"}]}),
        1,
        K.WRONG_SHAPE,
        'rename "author" to "role"',
    ),
    # GenerateContent
    Case("contents of nothing", jsonl({"contents": []}), 1, K.WRONG_SHAPE, "contents is an empty list"),
    Case(
        "Gemini's role in contents",
        jsonl(contents(("user", "a"), ("model", "b"))),
        1,
        K.UNKNOWN_ROLE,
        'write "assistant"',
    ),
    Case(
        "a system turn in contents",
        jsonl(contents(("system", "a"), ("assistant", "b"))),
        1,
        K.UNKNOWN_ROLE,
        '"systemInstruction"',
    ),
    Case(
        "parts as one text",
        jsonl({"contents": [{"role": "user", "parts": "a"}]}),
        1,
        K.WRONG_TYPE,
        "contents[0].parts is a string",
    ),
    Case(
        "a system instruction as one text",
        jsonl({"systemInstruction": "s", **contents(("user", "a"), ("assistant", "b"))}),
        1,
        K.WRONG_TYPE,
        "systemInstruction is not of the form",
    ),
    Case(
        "a function call among the parts",
        asking_contents({"functionCall": {"name": "f"}}),
        1,
        K.WRONG_SHAPE,
        "is a function call",
    ),
    Case("an image inside the line", asking_contents({"inlineData": {}}), 1, K.WRONG_SHAPE, "fileUri"),
    Case(
        "contents in a file of chats", CHAT + asking_contents({"text": "a"}), 2, K.MIXED_FORMATS, "began as"
    ),
    # Images
    Case("an image at an address of no bucket", asking(showing("x")), 1, K.BAD_IMAGE, "neither gs://"),
    Case("an image on the web", asking(showing("https://e.com/a.png")), 1, K.BAD_IMAGE, "neither gs://"),
    Case("a bucket is no image", asking(showing("gs://bucket")), 1, K.BAD_IMAGE, "neither gs://"),
    Case("an image that moves", asking(showing("gs://b/a.gif")), 1, K.BAD_IMAGE, "JPEG, PNG or WEBP"),
    Case("the same by its type", asking(showing("data:image/gif;base64,R0")), 1, K.BAD_IMAGE, "'image/gif'"),
    Case("text as data", asking(showing("data:image/png,abc")), 1, K.BAD_IMAGE, "not of the form"),
    Case("broken base64", asking(showing("data:image/png;base64,a!")), 1, K.BAD_IMAGE, "not base64"),
    Case("a type that it has not", asking(showing(PNG.replace("png", "jpeg"))), 1, K.BAD_IMAGE, "image/jpeg"),
    Case(
        "a file of another type",
        asking_contents({"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a"}}),
        1,
        K.BAD_IMAGE,
        "'video/mp4'",
    ),
    Case(
        "an image as people guess it",
        asking({"type": "image_url", "image_url": "gs://b/a.png"}),
        1,
        K.WRONG_SHAPE,
        "no image as it is written",
    ),
    Case("sound", asking({"type": "input_audio"}), 1, K.WRONG_SHAPE, "neither text nor an image"),
    # The turns of a chat
    Case("messages written as one text", jsonl({"messages": "hello"}), 1, K.WRONG_TYPE, "a list of turns"),
    Case("messages absent, as tables write it", CHAT + jsonl({"messages": None}), 2, K.WRONG_TYPE, "null"),
    Case("no turn at all", jsonl({"messages": []}), 1, K.WRONG_SHAPE, "empty list"),
    Case("a turn that is a text", jsonl({"messages": ["hello"]}), 1, K.WRONG_TYPE, "messages[0] is a string"),
    Case("a turn without its text", jsonl({"messages": [{"role": "user"}]}), 1, K.WRONG_SHAPE, '"content"'),
    Case("a turn without its speaker", jsonl({"messages": [{"content": "a"}]}), 1, K.WRONG_SHAPE, '"role"'),
    Case(
        "a role that is null",
        jsonl({"messages": [{"role": None, "content": ""}]}),
        1,
        K.WRONG_TYPE,
        ".role is null",
    ),
    Case(
        "Gemini's name for the assistant",
        jsonl(chat(("user", "a"), ("model", "b"))),
        1,
        K.UNKNOWN_ROLE,
        '"assistant"',
    ),
    Case(
        "roles are in lower case",
        jsonl(chat(("User", "a"), ("assistant", "b"))),
        1,
        K.UNKNOWN_ROLE,
        "lower case",
    ),
    Case("turns of tools", jsonl(chat(("user", "a"), ("tool", "b"))), 1, K.UNKNOWN_ROLE, "tool turns"),
    Case(
        "content in parts, as for images",
        jsonl({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}),
        1,
        K.WRONG_TYPE,
        "join its text parts",
    ),
    Case(
        "nothing to learn at the end",
        CHAT + jsonl(chat(("user", "a"))),
        2,
        K.NOT_ENDING_WITH_ASSISTANT,
        "role user",
    ),
    Case("nobody asked", jsonl(chat(("system", "a"), ("assistant", "b"))), 1, K.NO_USER_TURN, "role user"),
    Case(
        "templates know a system turn at the start only",
        jsonl(chat(("user", "a"), ("system", "b"), ("assistant", "c"))),
        1,
        K.SYSTEM_NOT_FIRST,
        "messages[1]",
    ),
]

WARNINGS = [
    Case("a prompt of nothing asks nothing", jsonl({**GOOD_PAIR, "prompt": ""}), 1, K.EMPTY_PROMPT, "prompt"),
    Case(
        "a blank question asks as little",
        jsonl(chat(("user", " \u3000"), ("assistant", "b"))),
        1,
        K.EMPTY_PROMPT,
        "messages[0], a turn of the role user",
    ),
    Case(
        "nor does an answer between that says nothing",
        jsonl(chat(("user", "a"), ("assistant", ""), ("user", "c"), ("assistant", "d"))),
        1,
        K.EMPTY_PROMPT,
        "messages[1], a turn of the role assistant",
    ),
    Case(
        "turns of contents are numbered without the system instruction",
        jsonl(contents(("user", ""), ("assistant", "b"), system="s")),
        1,
        K.EMPTY_PROMPT,
        "contents[0]",
    ),
    Case(
        "a weight of nought is not read",
        jsonl(with_turn(weight=0)),
        1,
        K.NOT_READ,
        'messages[1] has "weight": 0',
    ),
    Case("nor is one of a line", jsonl({**GOOD_PAIR, "weight": 0.5}), 1, K.NOT_READ, '"weight": 0.5'),
    Case("nor a switch", jsonl(with_turn(train=False)), 1, K.NOT_READ, '"train": false'),
    Case("nor a label of preferences", jsonl({**GOOD_PAIR, "label": False}), 1, K.NOT_READ, "marked false"),
    Case("nor are tools", jsonl({**GOOD_CHAT, "tools": [{}]}), 1, K.NOT_READ, '"tools"'),
    Case("nor are calls beside text", jsonl(with_turn(tool_calls=[{}])), 1, K.NOT_READ, '"tool_calls"'),
    Case("nor are thoughts", jsonl(with_turn(reasoning_content="hm")), 1, K.NOT_READ, '"reasoning_content"'),
    Case("nor is a worse answer", jsonl({**GOOD_PAIR, "rejected": "b"}), 1, K.NOT_READ, '"rejected"'),
    Case(
        "nor are images as Hugging Face names them",
        jsonl({**GOOD_CHAT, "images": ["a.png"]}),
        1,
        K.NOT_READ,
        '"images"',
    ),
    Case("a blank line holds no example", PAIR + b"\n" + PAIR, 2, K.BLANK_LINE, "delete it"),
    Case("white space is as blank", PAIR + b" \t\r\n", 2, K.BLANK_LINE, "delete it"),
    Case(
        "an empty completion teaches nothing",
        jsonl({"prompt": "a", "completion": ""}),
        1,
        K.EMPTY_COMPLETION,
        "no text",
    ),
    Case(
        "spaces teach as little",
        jsonl({"prompt": "a", "completion": " \n"}),
        1,
        K.EMPTY_COMPLETION,
        "no text",
    ),
    Case(
        "the same in a chat",
        CHAT + jsonl(chat(("user", "a"), ("assistant", ""))),
        2,
        K.EMPTY_COMPLETION,
        "no text",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_what_cannot_be_used_is_one_finding_and_no_dataset(case: Case, tmp_path: Path) -> None:
    inspection = inspect(written(tmp_path / "train.jsonl", case.content))
    (finding,) = inspection.findings
    assert (finding.line, finding.kind) == (case.line, case.kind)
    assert finding.kind.severity is Severity.ERROR
    assert case.says in finding.message
    assert "\n" not in finding.message
    assert inspection.dataset is None


@pytest.mark.parametrize("case", WARNINGS, ids=lambda case: case.reason)
def test_what_is_only_worth_a_word_leaves_a_dataset(case: Case, tmp_path: Path) -> None:
    inspection = inspect(written(tmp_path / "train.jsonl", case.content))
    (finding,) = inspection.findings
    assert (finding.line, finding.kind) == (case.line, case.kind)
    assert finding.kind.severity is Severity.WARNING
    assert case.says in finding.message
    assert inspection.dataset is not None


def test_every_kind_of_finding_has_a_case() -> None:
    """A kind that nothing produces would be a promise that nobody keeps."""
    of_the_file_system = {K.MISSING, K.NOT_A_FILE, K.UNREADABLE, K.CHANGED_WHILE_READ}  # tested below
    assert {case.kind for case in CASES + WARNINGS} == set(FindingKind) - of_the_file_system


def test_blank_lines_alone_are_an_empty_file(tmp_path: Path) -> None:
    inspection = inspect(written(tmp_path / "train.jsonl", b"\n\n"))
    assert inspection.counts == {K.BLANK_LINE: 2, K.EMPTY: 1}
    assert inspection.dataset is None


def test_a_line_may_have_several_faults_of_order(tmp_path: Path) -> None:
    """Each needs its own mend, so one run names them all."""
    inspection = inspect(written(tmp_path / "train.jsonl", jsonl(chat(("system", "a"), ("system", "b")))))
    assert set(inspection.counts) == {K.SYSTEM_NOT_FIRST, K.NO_USER_TURN, K.NOT_ENDING_WITH_ASSISTANT}
    assert {finding.line for finding in inspection.findings} == {1}


def test_all_are_counted_and_the_first_twenty_of_each_kind_kept(tmp_path: Path) -> None:
    """A rare fault late in the file is not crowded out by a common one."""
    inspection = inspect(written(tmp_path / "train.jsonl", PAIR + b"{}\n" * 1000 + b"[]\n" + b"no\n"))
    assert inspection.counts == {K.WRONG_SHAPE: 1001, K.BAD_JSON: 1}
    assert inspection.findings_total == 1002
    assert [f.line for f in inspection.findings] == [*range(2, 22), 1003]


def test_training_text_stays_out_of_messages(tmp_path: Path) -> None:
    """Messages end up in logs, and training data may be confidential."""
    private = "the merger closes on Friday"
    lines = jsonl(
        {"prompt": private}, {"messages": [private]}, private, {"messages": [{"role": "user", "c": private}]}
    )
    inspection = inspect(written(tmp_path / "train.jsonl", lines + private.encode()))
    assert inspection.findings_total == 5
    assert not any("merger" in finding.message for finding in inspection.findings)


def test_missing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (finding,) = inspect(Path("data/train.jsonl")).findings
    assert finding.kind is K.MISSING
    assert str(tmp_path) in finding.message  # a relative path is wrong more often than the name


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "named pipe"])
def test_what_is_no_regular_file_is_not_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    """Opening a named pipe would wait for a writer that never comes."""
    make(tmp_path / "train.jsonl")
    (finding,) = inspect(tmp_path / "train.jsonl").findings
    assert finding.kind is K.NOT_A_FILE


def test_permission_denied() -> None:
    """Root may read everything, so as root the file is looked at by a process that has become nobody."""
    program = (
        "import os, sys, google_crc32c; from pathlib import Path; from vertex_tuning.dataset import inspect;"
        "os.geteuid() or os.seteuid(65534);"
        "print(*(f'{f.kind} {f.message}' for f in inspect(Path(sys.argv[1])).findings))"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = written(Path(folder, "train.jsonl"), PAIR)
        path.chmod(0)
        run = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
        )
    assert run.stdout.startswith("unreadable ")
    assert "Permission denied" in run.stdout


def test_a_file_that_is_written_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checksum would be that of a file that never was."""
    path = written(tmp_path / "train.jsonl", PAIR)
    feed = Examiner.feed

    def feed_after_another_writer(self: Examiner, chunk: bytes | None) -> None:
        path.write_bytes(PAIR * 2)
        feed(self, chunk)

    monkeypatch.setattr(Examiner, "feed", feed_after_another_writer)
    inspection = inspect(path)
    assert inspection.counts == {K.CHANGED_WHILE_READ: 1}
    assert inspection.dataset is None
