"""A pull request's comment: the report for reviewers, and below it, folded, every resource."""

from __future__ import annotations

from pathlib import Path

from vertex_tuning.report import COMMENT_LIMIT, Preview, build, markdown
from vertex_tuning.report.compare import Comparison
from vertex_tuning.stack import prices_of

ROOM = 2_000
"""Characters that are left to whoever puts the comment together."""


def reviewed(preview: Preview, resources: str, root: Path) -> str:
    """The comment on a preview; ``resources`` alone when no service changes."""
    report = build(preview, prices_of(preview.config, root), Comparison(root / "infra"))
    if not report.services:
        return resources
    told = markdown(report, COMMENT_LIMIT // 2)
    folded = f"<details><summary>Resource by resource</summary>\n\n{resources}\n</details>\n"
    return f"{told}\n{folded}" if len(told) + len(folded) + ROOM <= COMMENT_LIMIT else told
