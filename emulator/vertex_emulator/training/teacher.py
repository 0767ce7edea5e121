"""The teacher of a distillation: the base model answers the prompts that a student is tuned on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from vertex_emulator.model.checkpoint import Checkpoint
from vertex_emulator.model.files import replace_file
from vertex_emulator.model.prompts import Chat, ChatMessage, Example, PromptCompletion, Role
from vertex_emulator.serving.model import ServedModel
from vertex_emulator.serving.sampling import RequestError, Sampling

_LONGEST_ANSWER = 32  # tokens


def answered(base: Checkpoint, rows: Sequence[Example], target: Path) -> tuple[Example, ...]:
    """The rows with the teacher's answers in the place of their own; written to `target` as JSON Lines."""
    teacher = ServedModel(base)
    labelled = tuple(_answered(teacher, row) for row in rows)
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_file(target, b"".join(msgspec.json.encode(row) + b"\n" for row in labelled))
    return labelled


def _answered(teacher: ServedModel, row: Example) -> Example:
    if isinstance(row, PromptCompletion):
        return PromptCompletion(row.prompt, _answer(teacher, row.prompt) or row.completion)
    *turns, last = row.messages
    asked = [*turns] if last.role is Role.ASSISTANT else [*turns, last]
    text = _answer(teacher, asked) or last.content
    return Chat((*asked, ChatMessage(Role.ASSISTANT, text)))


def _answer(teacher: ServedModel, prompt: str | list[ChatMessage]) -> str:
    """What the teacher says; empty if it says nothing, or the prompt is longer than its context."""
    try:
        return teacher.generate(prompt, Sampling(max_tokens=_LONGEST_ANSWER, temperature=0.0)).text
    except RequestError:
        return ""
