"""What the workflows write for people, as Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from vertex_tuning import plain
from vertex_tuning.report.markdown import code
from vertex_tuning.report.markdown import text as escaped

from .changes import Change, Kind

LONGEST = 1_000
"""Length limit of the text about one resource."""
HEADINGS = {
    Kind.EDIT: "Edits of files",
    Kind.DRIFT: "Changed outside Pulumi",
    Kind.FAILED: "Ended badly, and not tried again by itself",
    Kind.PROGRESS: "Under way, moves on",
}
MAKE = 'pulumi stack init {stack} --secrets-provider "gcpkms://…"'
_DRIFT = """\
`pulumi up --stack {stack}` makes it so again. If the change is meant, write it into the stack's files.
This issue closes by itself once the two are one.\
"""
_FAILED = """\
Fix the cause above. To tune again, which costs money, raise `tuning.attempt`.
This issue closes automatically once it is fixed.\
"""


def table(changes: Iterable[Change]) -> str:
    """The changes of one kind."""
    rows = [
        f"| {change.operation} | {escaped(change.resource)} | {', '.join(map(code, change.keys))} "
        f"| {escaped(change.says, LONGEST)} |"
        for change in changes
    ]
    return "\n".join(["| | resource | because of | |", "| --- | --- | --- | --- |", *rows])


def preview(stack: str, found: Sequence[Change], *, note: str = "") -> str:
    """What an ``up`` of a stack would do."""
    parts = [f"### `{stack}`: {counted(found)}", note]
    for kind, heading in HEADINGS.items():
        of_kind = [change for change in found if change.kind is kind]
        if of_kind:
            parts += [f"**{heading}**", table(of_kind)]
    return "\n\n".join(part for part in parts if part) + "\n"


def new(stack: str) -> str:
    """A stack that the backend does not have yet."""
    make = f"Make it once: `{MAKE.format(stack=stack)}`. The check without credentials lists what is in it."
    return f"### `{stack}`: new\n\n{make}\n"


def untouched(stack: str) -> str:
    """A stack that an earlier push of a pull request touched, and the last one does not."""
    return f"### `{stack}`: no longer touched by this pull request\n"


def issue(stack: str, found: Sequence[Change]) -> tuple[str, str]:
    """An issue's title and text about changes of one kind."""
    if found[0].kind is Kind.DRIFT:
        title, begin, end = (
            f"Drift in {stack}",
            f"What `{stack}` made is no longer as Pulumi left it:",
            _DRIFT,
        )
    else:
        title, begin, end = f"Failed in {stack}", f"Something of `{stack}` ended badly:", _FAILED
    return title, "\n\n".join([begin, table(found), end.format(stack=stack)])


def failure(stack: str, told: str) -> str:
    """A preview that failed, with what the engine said."""
    told = plain.lines(told)
    fence = "`" * max(3, _longest_run(told) + 1)
    return f"### `{stack}`: the preview failed\n\n{fence}\n{told.strip()}\n{fence}\n"


def counted(found: Sequence[Change]) -> str:
    """Such as ``1 create, 2 update``."""
    operations = [change.operation for change in found]
    counts = [f"{operations.count(each)} {each}" for each in sorted(set(operations))]
    return ", ".join(counts) or "nothing changes"


def run_link(environment: Mapping[str, str] = os.environ) -> str:
    """A link to the workflow's run, or nothing outside of one."""
    parts = [environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return "[log]({}/{}/actions/runs/{})".format(*parts) if all(parts) else ""


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
