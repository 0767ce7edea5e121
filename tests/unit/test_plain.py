"""Text of others commands nothing: no terminal, no runner, no report."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tools.ci import runner, texts
from vertex_tuning import plain
from vertex_tuning.cli import ui
from vertex_tuning.lifecycle import Refusal
from vertex_tuning.report.markdown import code
from vertex_tuning.report.markdown import text as markdown
from vertex_tuning.stack import InvalidStack
from vertex_tuning.vertex.errors import InvalidRequest, of_http

CASES = {
    "colour": ("\x1b[31mred", "\\x1b[31mred"),
    "a C1 sequence": ("\x9b2J", "\\x9b2J"),
    "a title": ("\x1b]0;mine\x07", "\\x1b]0;mine\\x07"),
    "a line written over": ("good\rbad", "good\\rbad"),
    "right to left": ("a\u202eb", "a\\u202eb"),
    "a command": ("::error::boo", "\\::error::boo"),
    "an indented command": ("  ::add-mask::x", "\\  ::add-mask::x"),
    "a command in the second line": ("a\n::error::b", "a ::error::b"),
    "a command of the old form": ("see ##[error]x", "see #\\#[error]x"),
    "another line separator": ("a\u2028::error::b", "a\\u2028::error::b"),
    "half a character": ("\ud800", "\\ud800"),
    "nothing to mend": ("naïve - 日本語 👩‍👩‍👧 a::b", "naïve - 日本語 👩‍👩‍👧 a::b"),
}


@pytest.mark.parametrize(("given", "shown"), CASES.values(), ids=CASES)
def test_a_line(given: str, shown: str) -> None:
    assert plain.line(given) == shown
    assert str(InvalidRequest(given)) == shown
    assert "\x1b" not in markdown(given) + code(given)


def test_what_the_engine_shows_of_a_refused_check() -> None:
    """Its text follows other words in its line; the lines after it begin a line of a runner's log."""
    assert Refusal("source", "line 3: \x1b[2J\n::error::boo").reason == "line 3: \\x1b[2J\n\\::error::boo"


def test_no_other_check_failure_is_made() -> None:
    package = Path(plain.__file__).parent
    others = [path for path in package.rglob("*.py") if re.search(r"\bCheckFailure\(", path.read_text())]
    assert others == []


def test_mistakes_of_a_stack_file() -> None:
    assert str(InvalidStack("mistakes:\n::add-mask::x\x1b[2J")) == "mistakes:\n\\::add-mask::x\\x1b[2J"


def test_what_the_workflows_print(capsys: pytest.CaptureFixture[str]) -> None:
    told = "error: boo\n::stop-commands::x\n\x1b[2J"
    runner.say(told)
    runner.say(told, error=True)
    runner.notice("dev: left alone\n::error::boo")
    shown = capsys.readouterr()
    for text in (shown.out.replace("::notice::", "", 1), shown.err, texts.failure("dev", told)):
        assert not HARMFUL.search(text), text
    assert shown.out.splitlines()[-1] == "::notice::dev: left alone ::error::boo"


HARMFUL = re.compile(r"^\s*::|##\[|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", re.MULTILINE)
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("\x1b:\r\n#[\x9b ")), max_size=40)


@given(TEXTS)
def test_no_text_commands_anything(text: str) -> None:
    assert not HARMFUL.search(plain.lines(text))
    assert not HARMFUL.search(plain.line(text))
    assert "\n" not in plain.line(text)
    assert not HARMFUL.search(str(of_http(400, text)))


def test_a_screen_shows_it_so(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stdout", shown)
    screen = ui.screen()
    screen.print(Text("::error::a\n::error::b\x1b[2J"))
    screen.print(Text.assemble(("owner ", "dim"), "::fine"))
    table = ui.table("names", "name")
    table.add_row("x\x1b[31m")
    screen.print(table)
    text = shown.getvalue()
    assert "\x1b" not in text
    assert not re.search(r"^\s*::", text, re.MULTILINE)
    assert "owner ::fine" in text
