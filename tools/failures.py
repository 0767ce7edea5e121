"""Write docs/failures.md: what can go wrong and what is done about it, from the tables that decide it.

python tools/failures.py
"""

from __future__ import annotations

from pathlib import Path

from vertex_tuning.lifecycle.ends import ENDS
from vertex_tuning.vertex.failures import FAILURES

TARGET = Path(__file__).resolve().parent.parent / "docs" / "failures.md"


def page() -> str:
    """The whole page, as Markdown."""
    lines = [
        "# What can go wrong, and what is done about it",
        "",
        "Made by `python tools/failures.py` from the tables that decide it; a test holds the two together.",
        "",
        "An error is one line: the class, the service, the kind of resource, Google's own words.",
        "`VERTEX_TUNING_DETAILS=1` shows Google's error below it.",
        "",
        "## What Google answers",
        "",
        "A *look* asks, or writes what does no harm twice; a *step* makes something and may bill.",
        "A look that is tried again is tried up to six times within a minute, with jitter.",
        "What is waited for shows in the resource's row:",
        "`Google has not answered for 40 s (...); still waiting, for 29 min 20 s more at most`.",
        "A pause that Google asks for (`Retry-After`) is kept.",
        "A *run* is a whole `pulumi up` of `vertex-tuning reconcile` that has no errors but these.",
        "",
        "| class, and the line that the user reads | a look | a step | a run | what mends it |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{failure.kind.__name__}: service tickets, TuningJob: {failure.message}` "
        f"| {failure.look.value} | {failure.step.value} | {failure.run.value} | {failure.mend} |"
        for failure in FAILURES
    ]
    lines += [
        "",
        "## How a resource ends that does not become ready",
        "",
        "Each of these ends `reconcile`, too.",
        "",
        "| when | class | what is done | what mends it |",
        "| --- | --- | --- | --- |",
        *(f"| {end.when} | `{end.kind.__name__}` | {end.done} | {end.mend} |" for end in ENDS),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(page())
