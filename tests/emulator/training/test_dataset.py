from __future__ import annotations

from pathlib import Path

import pytest

from vertex_emulator.model.prompts import Chat, ChatMessage, PromptCompletion, Role
from vertex_emulator.training.dataset import read_examples
from vertex_emulator.training.spec import TrainingError

ROW = '{"prompt": "a", "completion": "b"}'
CHAT = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
CONTENTS = (
    '{"contents": [{"role": "user", "parts": [{"text": "a"}]}, '
    '{"role": "assistant", "parts": [{"text": "b"}, {"text": "c"}]}]}'
)
IMAGE = '{"type": "image_url", "image_url": {"url": "gs://b/a.png"}}'

ACCEPTED = {
    "the last line needs no newline": (ROW, [PromptCompletion("a", "b")]),
    "blank lines and Windows line ends carry nothing": (f"\n{ROW}\r\n\n", [PromptCompletion("a", "b")]),
    "fields of the user's own are not training data": (
        '{"prompt": "a", "completion": "b", "id": 7}',
        [PromptCompletion("a", "b")],
    ),
    "a prompt may be empty: the model then learns to begin": (
        '{"prompt": "", "completion": "é\\n"}',
        [PromptCompletion("", "é\n")],
    ),
    "a chat keeps its turns in order": (
        CHAT,
        [Chat((ChatMessage(Role.USER, "a"), ChatMessage(Role.ASSISTANT, "b")))],
    ),
    "contents are the same conversation": (
        CONTENTS,
        [Chat((ChatMessage(Role.USER, "a"), ChatMessage(Role.ASSISTANT, "bc")))],
    ),
    "a system instruction is the first turn": (
        '{"systemInstruction": {"role": "system", "parts": [{"text": "s"}]}, ' + CONTENTS[1:],
        [
            Chat(
                (
                    ChatMessage(Role.SYSTEM, "s"),
                    ChatMessage(Role.USER, "a"),
                    ChatMessage(Role.ASSISTANT, "bc"),
                )
            )
        ],
    ),
}


@pytest.mark.parametrize(("content", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_rows_that_can_be_trained_on(
    tmp_path: Path, content: str, expected: list[PromptCompletion | Chat]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content, encoding="utf-8", newline="")
    assert list(read_examples(path)) == expected


# What a whole job says to each of these is in test_worker_failures; here are the finer points of one row.
REFUSED = {
    "neither format": ('{"question": "a", "answer": "b"}', "either 'prompt' and 'completion' or 'messages'"),
    "both formats at once": (
        f'{ROW[:-1]}, "messages": []}}',
        "either 'prompt' and 'completion' or 'messages'",
    ),
    "half a format": ('{"prompt": "a"}', "missing required field `completion`"),
    "a number for a text": (
        '{"prompt": "a", "completion": 3}',
        "Expected `str`, got `int` - at `$.completion`",
    ),
    "nothing to learn": ('{"prompt": "a", "completion": ""}', "the completion is empty"),
    "a chat without messages": ('{"messages": []}', "the last message must be the assistant's"),
    "an assistant who says nothing": (
        CHAT.replace('"b"', '""'),
        "an assistant message is empty",
    ),
    "a list": ("[]", "not a JSON object"),
    "broken JSON, counted from 1": ('{"prompt": NaN}', "(byte 12)"),
    "Gemini's role": (CONTENTS.replace("assistant", "model"), "Invalid enum value 'model'"),
    "an image in a chat": (CHAT.replace('"a"', f"[{IMAGE}]"), "trains on text only"),
    "an image in contents": (CONTENTS.replace('{"text": "a"}', '{"fileData": {}}'), "trains on text only"),
    "contents of nothing": ('{"contents": []}', "the last message must be the assistant's"),
}


@pytest.mark.parametrize(("line", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_row_that_cannot_be_trained_on_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(TrainingError) as refusal:
        read_examples(path)
    assert str(refusal.value).startswith("rows.jsonl, line 2: ")
    assert reason in str(refusal.value)
