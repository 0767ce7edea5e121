"""What can go wrong and what is done about it, from the tables that decide it."""

from __future__ import annotations

from vertex_tuning.lifecycle.ends import ENDS
from vertex_tuning.vertex.failures import FAILURES

from .markdown import made_from, table

HEAD = f"""\
# What can go wrong, and what is done about it

{made_from("the tables of failures")}

An error is one line: the class, the service, the kind of resource, Google's own words.
`VERTEX_TUNING_DETAILS=1` shows Google's error below it.

## What Google answers

A *read* only reads, or writes what may be repeated; a *step* creates something and may cost money.
A read is retried up to six times within a minute, with jitter.
What is waited for shows in the resource's row:
`Google has not answered for 40 s (...); still waiting, for 29 min 20 s more at most`.
A pause that Google asks for (`Retry-After`) is kept.
A *run* is a whole `pulumi up` of `vertex-tuning reconcile` that has no errors but these.
"""
ENDINGS = """
## How a resource ends that does not become ready

Each of these ends `reconcile`, too.
"""


def page() -> str:
    """docs/failures.md."""
    headings = ["class and message", "a read", "a step", "a run", "fix"]
    failures = [
        (
            f"`{each.kind.__name__}: service tickets, TuningJob: {each.message}`",
            each.look.value,
            each.step.value,
            each.run.value,
            each.mend,
        )
        for each in FAILURES
    ]
    ends = [(end.when, f"`{end.kind.__name__}`", end.done, end.mend) for end in ENDS]
    lines = [HEAD, *table(headings, failures), ENDINGS]
    lines += table(["when", "class", "what happens", "fix"], ends)
    return "\n".join(lines) + "\n"
