"""Write docs/changes.md: what an edit of each input means, from the tables that decide it.

python tools/changes.py
"""

from __future__ import annotations

from pathlib import Path

from vertex_tuning.lifecycle import Change
from vertex_tuning.resources import PROVIDERS

TARGET = Path(__file__).resolve().parent.parent / "docs" / "changes.md"
MEANING = {
    Change.IN_PLACE: "the resource is updated where it is",
    Change.RETRAIN: "a new tuning job, which is paid for; `retrain: deny` refuses it",
    Change.REDEPLOY: "a new deployment; beside the old one, or after it with `rollout: recreate`",
    Change.MOVE: "the resource is made anew",
    Change.NONE: "nothing: it does not exist outside, or cannot be changed there",
}


def page() -> str:
    """The whole page, as Markdown."""
    lines = [
        "# What an edit means",
        "",
        "Made by `python tools/changes.py` from the tables that decide it; a test holds the two together.",
        "",
        *(f"- **{change.value}**: {meaning}." for change, meaning in MEANING.items()),
    ]
    for provider in PROVIDERS:
        lines += ["", f"## {provider.kind}", "", "| input | an edit means |", "| --- | --- |"]
        lines += [f"| `{name}` | {change.value} |" for name, change in provider.changes.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page())
