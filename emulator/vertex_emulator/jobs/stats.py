"""What a tuning job says about its data when it has ended, counted from the data itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vertex_emulator.catalog import billed_tokens, longest_example

Json = dict[str, Any]
_NAMED = 10
"""Dropped examples that are named by their index."""


def data_stats(job: Json, training_file: Path, metrics: Json, steps: int) -> Json:
    """A job's SupervisedTuningDataStats in JSON form. Integers of 64 bits are strings there."""
    sizes, messages = list[int](), list[int]()
    for row in _rows(training_file):
        texts = [row.get("prompt"), row.get("completion")]
        turns = row.get("messages", row.get("contents"))
        if isinstance(turns, list):
            texts = [text for turn in (*turns, row.get("systemInstruction")) for text in _texts(turn)]
            messages.append(len(turns))
        sizes.append(sum(len(text) for text in texts if isinstance(text, str)))
    stats: Json = {
        "tuningDatasetExampleCount": str(len(sizes)),
        "totalTuningCharacterCount": str(sum(sizes)),
        "tuningStepCount": str(steps),
    }
    base, mode = job["baseModel"], job["supervisedTuningSpec"]["tuningMode"]
    longest = longest_example(base, mode) or max(sizes, default=0)
    if "epochs" in metrics:
        tokens = billed_tokens(base, mode, sum(size for size in sizes if size <= longest))
        stats["totalBillableTokenCount"] = str(tokens * len(metrics["epochs"]))
    if dropped := [str(index) for index, size in enumerate(sizes, start=1) if size > longest]:
        stats["totalTruncatedExampleCount"] = str(len(dropped))
        stats["truncatedExampleIndices"] = dropped[:_NAMED]
        stats["droppedExampleReasons"] = ["The example has too many tokens."] * len(dropped[:_NAMED])
    if messages:
        stats["userMessagePerExampleDistribution"] = {
            "sum": str(sum(messages)),
            "min": min(messages),
            "max": max(messages),
            "mean": sum(messages) / len(messages),
        }
    return stats


def _texts(turn: Any) -> list[Any]:
    """The texts of a turn: of a chat, or of GenerateContent."""
    if not isinstance(turn, dict):
        return []
    return [turn.get("content"), *(part.get("text") for part in turn.get("parts", ()))]


def _rows(path: Path) -> Iterator[Json]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row
