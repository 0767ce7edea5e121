"""What an edit of each input means, from the change tables of the kinds."""

from __future__ import annotations

from vertex_tuning.lifecycle import EVERY_KIND, Change
from vertex_tuning.resources import PROVIDERS

from .markdown import made_from, table

MEANING = {
    Change.IN_PLACE: "the resource is updated where it is",
    Change.RETRAIN: "a new tuning job, which is paid for; `retrain: deny` refuses it",
    Change.REDEPLOY: "a new deployment; beside the old one, or after it with `rollout: recreate`",
    Change.MOVE: "the resource is replaced",
    Change.NONE: "nothing: it does not exist outside, or cannot be changed there",
    Change.FOLLOWS: "nothing by itself: it differs only when another input does",
}


def page() -> str:
    """docs/changes.md."""
    lines = ["# What an edit means", "", made_from("the change tables of the kinds"), ""]
    lines += [f"- **{change.value}**: {meaning}." for change, meaning in MEANING.items()]
    for heading, changes in {
        **{each.kind: each.changes for each in PROVIDERS},
        "Every kind": EVERY_KIND,
    }.items():
        rows = [(f"`{name}`", change.value, why) for name, (change, why, _) in changes.items()]
        lines += ["", f"## {heading}", "", *table(["input", "an edit means", "because"], rows)]
    return "\n".join(lines) + "\n"
