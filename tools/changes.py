"""Write docs/changes.md: what an edit of each input means, from the tables that decide it.

python tools/changes.py
"""

from __future__ import annotations

from pathlib import Path

from vertex_tuning.lifecycle import EVERY_KIND, Change
from vertex_tuning.resources import PROVIDERS

TARGET = Path(__file__).resolve().parent.parent / "docs" / "changes.md"
MEANING = {
    Change.IN_PLACE: "the resource is updated where it is",
    Change.RETRAIN: "a new tuning job, which is paid for; `retrain: deny` refuses it",
    Change.REDEPLOY: "a new deployment; beside the old one, or after it with `rollout: recreate`",
    Change.MOVE: "the resource is made anew",
    Change.NONE: "nothing: it does not exist outside, or cannot be changed there",
    Change.FOLLOWS: "nothing by itself: it differs only when another input does",
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
    for heading, table in {
        **{each.kind: each.changes for each in PROVIDERS},
        "Every kind": EVERY_KIND,
    }.items():
        lines += ["", f"## {heading}", "", "| input | an edit means | because |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {change.value} | {why} |" for name, (change, why) in table.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page())
