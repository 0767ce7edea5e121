"""The validate command, run as typer runs it."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from tests.unit.dataset.examples import GOOD_CHAT, GOOD_PAIR, jsonl, written
from vertex_tuning.cli.app import app
from vertex_tuning.dataset import DatasetFormat, Outcome

LLAMA = "meta/llama3_1@llama-3.1-8b"
LONG = "a-name-that-is-longer-than-a-terminal-is-wide-" * 3


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["validate", *[str(argument) for argument in arguments]])
    return result.exit_code, result.stdout


def test_a_good_file(tmp_path: Path) -> None:
    path = written(tmp_path / f"{LONG}[1].jsonl", jsonl(*[GOOD_CHAT] * 1234))
    code, output = run(path)
    assert code == 0
    assert f"{path}: good\n" in output  # whole, on one line, and its brackets are not taken for markup
    rows = dict(line.strip().split(None, 1) for line in output.splitlines()[1:])
    assert rows["format"] == "chat"
    assert rows["examples"] == "1,234"
    assert rows["characters"] == f"{1234 * 43:,}"


def test_findings_are_grouped_with_their_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path / "train.jsonl", jsonl(GOOD_PAIR, {}, *[{"prompt": 1, "completion": ""}] * 25, [])
    )
    code, output = run(path)
    assert code == 1
    assert "cannot be used" in output
    assert "error wrong_shape (2)" in output
    assert "line 2: the object has neither" in output
    assert "line 28: the line is a list" in output
    assert "error wrong_type (25)" in output
    assert f"lines {', '.join(map(str, range(3, 23)))}: prompt is a number" in output
    assert "and 5 more" in output


def test_warnings_alone_do_not_fail(tmp_path: Path) -> None:
    code, output = run(written(tmp_path / "train.jsonl", jsonl(GOOD_PAIR) + b"\n"))
    assert code == 0
    assert ": good, 1 warning\n" in output
    assert "warning blank_line (1)" in output


@pytest.mark.evidence("data.images-not-mixed", side="plugin")
def test_images_are_counted_and_held_against_the_model(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "gs://b/a.png"}}
    about = {"messages": [{"role": "user", "content": [image]}, {"role": "assistant", "content": "b"}]}
    path = written(tmp_path / "train.jsonl", jsonl(GOOD_CHAT, about))
    code, output = run(path)
    assert code == 0
    assert "with images      1" in output
    code, output = run(path, "--model", "meta/llama4@llama-4-scout-17b-16e-instruct")
    assert code == 1
    assert "examples with images: 1, without: 1" in output


def test_one_bad_file_among_good_ones_fails(tmp_path: Path) -> None:
    good = written(tmp_path / "good.jsonl", jsonl(GOOD_PAIR))
    code, output = run(good, tmp_path / "missing.jsonl")
    assert code == 1
    assert "good.jsonl: good" in output
    assert "there is no file" in output


def test_json_holds_whole_outcomes(tmp_path: Path) -> None:
    good = written(tmp_path / "good.jsonl", jsonl(GOOD_PAIR))
    code, output = run(good, tmp_path / "missing.jsonl", "--json")
    assert code == 1
    first, second = msgspec.json.decode(output, type=list[Outcome])
    assert first.dataset is not None
    assert first.dataset.format is DatasetFormat.PROMPT_COMPLETION
    assert second.has_errors
    assert [row["path"] for row in msgspec.json.decode(output)] == [
        str(good),
        str(tmp_path / "missing.jsonl"),
    ]


def test_no_file_is_a_usage_error() -> None:
    assert run()[0] == 2


def of_tokens(tokens: int, answer: str = "b") -> dict[str, str]:
    return {"prompt": "a" * (4 * tokens - len(answer)), "completion": answer}


def test_lengths_are_drawn_against_the_limit(tmp_path: Path) -> None:
    examples = [of_tokens(8192, str(n)) for n in range(8)] + [of_tokens(8193), of_tokens(17000)]
    path = written(tmp_path / "train.jsonl", jsonl(*examples))
    code, output = run(path, "--model", LLAMA, "--mode", "PEFT_ADAPTER")
    assert code == 0
    rows = [line.split() for line in output.splitlines() if "up to" in line or "limit" in line]
    assert rows == [
        ["up", "to", "8,192", "█" * 32, "8"],
        ["limit", "8,192", *["Llama", "3.1", "8B", "with", "PEFT_ADAPTER:", "2", "longer"]],
        ["up", "to", "16,384", "█" * 4, "1"],
        ["up", "to", "32,768", "█" * 4, "1"],
    ]


LIMITS = [
    ([], [2048, 8192, 12288], "without a model, all that the catalogue knows"),
    (["--model", LLAMA], [8192], "without a mode, those of the model"),
    (["--model", LLAMA, "--mode", "FULL"], [8192], "the one that counts"),
    (["--model", "publishers/qwen/models/qwen3-6@qwen3.6-27b"], [12288], "in the long form"),
]


@pytest.mark.parametrize(("options", "tokens", "reason"), LIMITS)
def test_which_limits_are_shown(options: list[str], tokens: list[int], reason: str, tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(of_tokens(5000)))
    [row] = msgspec.json.decode(run(path, "--json", *options)[1])
    statistics = row["statistics"]
    assert statistics["lengths"] == [{"up_to_tokens": 8192, "examples": 1}]
    assert [limit["tokens"] for limit in statistics["limits"]] == tokens, reason
    assert [limit["longer"] for limit in statistics["limits"]] == [int(limit == 2048) for limit in tokens]


TOKENS = [
    ([], 1000, None, "four characters a token, where no model is known"),
    (["--model", LLAMA, "--mode", "FULL"], 988, 0.247, "as measured for the family in the mode"),
    (["--model", LLAMA], 1268, 0.317, "without a mode, the most of the model's modes"),
    (["--model", "publishers/qwen/models/qwen3@qwen3-4b"], 984, 0.246, "in the long form"),
    (["--model", "zai-org/glm-4.7-flash@glm-4.7-flash"], 1000, None, "never measured"),
]


@pytest.mark.evidence("prices.tokens", side="plugin")
@pytest.mark.parametrize(("options", "tokens", "rate", "reason"), TOKENS)
def test_tokens_are_counted_as_measured_for_the_model(
    options: list[str], tokens: int, rate: float | None, reason: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(of_tokens(1000, "b" * 400)))
    [row] = msgspec.json.decode(run(path, "--json", *options)[1])
    dataset, statistics = row["dataset"], row["statistics"]
    assert (dataset["estimated_tokens"], statistics["tokens_for_each_character"]) == (tokens, rate), reason
    assert dataset["completion_tokens_estimate"] * 10 == pytest.approx(tokens, abs=10)
    shown = f"about {tokens:,} ({rate:g} for each character" if rate else f"about {tokens:,}\n"
    assert shown in run(path, *options)[1]


def test_images_that_a_model_may_not_take_are_a_warning(tmp_path: Path) -> None:
    image = {"type": "image_url", "image_url": {"url": "gs://b/a.png"}}
    about = {"messages": [{"role": "user", "content": [image]}, {"role": "assistant", "content": "b"}]}
    path = written(tmp_path / "train.jsonl", jsonl(about))
    code, output = run(path, "--model", "google/gemma3@gemma-3-4b-it")
    assert code == 0
    assert ": good, 1 warning\n" in output
    assert "warning unsure (1)" in output
    assert "whether google/gemma3@gemma-3-4b-it can be tuned on images is not known" in output


WRONG = [
    (["--mode", "FULL"], "--mode needs --model"),
    (["--model", "meta/llama3_1@llama-3.1-8"], f"did you mean {LLAMA}"),
    (["--model", "google/gemma3@gemma-3-1b-it", "--mode", "PEFT_ADAPTER"], "it allows FULL"),
]


@pytest.mark.parametrize(("options", "says"), WRONG)
def test_a_model_that_cannot_be_meant_is_wrong_usage(options: list[str], says: str, tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(GOOD_PAIR))
    result = CliRunner().invoke(app, ["validate", str(path), *options])
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_examples_that_are_there_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(*[of_tokens(1), of_tokens(2)] * 12))
    code, output = run(path)
    assert code == 0
    assert "warning duplicate (22)" in output
    assert "lines 3, 5, 7, 9, 11, 13, 15, 17, 19, 21: the same as line 1\n" in output
    assert "lines 4, 6, 8, 10, 12, 14, 16, 18, 20, 22: the same as line 2\n" in output
    assert "and 2 more" in output


def test_validation_examples_that_are_in_the_training_file(tmp_path: Path) -> None:
    train = written(tmp_path / "train.jsonl", jsonl(of_tokens(1), of_tokens(2), of_tokens(300)))
    leaking = written(tmp_path / "leaking.jsonl", jsonl(of_tokens(4), {**of_tokens(2), "id": 7}))
    code, output = run(train, "--validation", leaking)
    assert code == 0
    assert "warning in_training (1)" in output
    assert f"line 2: the same as line 2 of {train}\n" in output
    rows = msgspec.json.decode(run(train, "--validation", leaking, "--json")[1])
    assert [row["statistics"]["in_training"] for row in rows] == [
        [],
        [{"path": str(train), "examples": {"total": 1, "first": [{"line": 2, "first": 2}]}}],
    ]
    assert (
        f"no example is in {train}\n"
        in run(train, "--validation", written(tmp_path / "v", jsonl(of_tokens(9))))[1]
    )


@pytest.mark.parametrize("place", ["gs://bucket/x.jsonl", "https://example.com/x.jsonl", "hf:org/data"])
def test_other_places_are_no_files(place: str) -> None:
    result = CliRunner().invoke(app, ["validate", place])
    assert result.exit_code == 2
    assert "is not a local file. Download it first" in result.stderr


@pytest.mark.evidence("data.validation-share", side="plugin")
def test_validation_data_that_vertex_ai_would_refuse(tmp_path: Path) -> None:
    train = written(tmp_path / "train.jsonl", jsonl(*[GOOD_PAIR] * 10))
    for rows, code, refused in ((2, 0, []), (3, 1, ["30.00%"])):
        held_out = written(tmp_path / "held-out.jsonl", jsonl(*[GOOD_PAIR] * rows))
        seen, output = run(train, "--validation", held_out)
        assert seen == code, output
        assert ("error refused (1)" in output) == bool(refused)
        said = msgspec.json.decode(run(train, "--validation", held_out, "--json")[1])[1]["refused"]
        assert [text in line for text, line in zip(refused, said, strict=True)] == [True] * len(refused)


def test_what_cannot_be_used_has_no_statistics(tmp_path: Path) -> None:
    """They would be about the lines that happen to be good."""
    path = written(tmp_path / "train.jsonl", jsonl(GOOD_PAIR, {}))
    [row] = msgspec.json.decode(run(path, "--json")[1])
    assert row["statistics"] is None
    assert "up to" not in run(path)[1]


SHOWN = [
    (True, {}, [], True, "a terminal"),
    (True, {"CI": "true"}, [], False, "a build that pretends to be one"),
    (True, {}, ["--json"], False, "a program listens"),
    (False, {}, [], False, "a file"),
]


@pytest.mark.parametrize(
    ("terminal", "extra", "options", "shown", "why"), SHOWN, ids=[case[4] for case in SHOWN]
)
def test_progress_is_for_eyes_only(
    tmp_path: Path, *, terminal: bool, extra: dict[str, str], options: list[str], shown: bool, why: str
) -> None:
    path = written(tmp_path / "train.jsonl", jsonl(GOOD_PAIR))
    ours, theirs = pty.openpty() if terminal else os.pipe()
    subprocess.run(
        [sys.executable, "-c", "from vertex_tuning.cli import main; main()", "validate", str(path), *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", **extra},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        said = os.read(ours, 65536)
    except OSError:  # what a terminal says that nobody has written to
        said = b""
    os.close(ours)
    assert (b"reading" in said) is shown, why
