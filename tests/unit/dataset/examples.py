"""Small builders of training files, shared by the tests of this folder."""

import json
import os
import time
from pathlib import Path
from typing import Any

GOOD_PAIR = {"prompt": "What is a car?", "completion": "A road vehicle."}
GOOD_CHAT = {
    "messages": [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "What is a car?"},
        {"role": "assistant", "content": "A road vehicle."},
    ]
}


def chat(*turns: tuple[str, str]) -> dict[str, Any]:
    """A chat example from (role, content) pairs."""
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def contents(*turns: tuple[str, str], system: str = "") -> dict[str, Any]:
    """A GenerateContent example from (role, text) pairs."""
    told = {"systemInstruction": {"parts": [{"text": system}]}} if system else {}
    return {**told, "contents": [{"role": role, "parts": [{"text": text}]} for role, text in turns]}


def jsonl(*examples: Any) -> bytes:
    """Values as JSON Lines, with non-ASCII text as it is."""
    return b"".join(json.dumps(example, ensure_ascii=False).encode() + b"\n" for example in examples)


def written(path: Path, content: bytes, *, age_s: float = 3600) -> Path:
    """A file with this content, last written so many seconds ago."""
    path.write_bytes(content)
    then = time.time_ns() - int(age_s * 1e9)
    os.utime(path, ns=(then, then))
    return path
