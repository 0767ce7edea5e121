"""A pull request's comment: the report for reviewers, and below it, folded, every resource."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from vertex_tuning.report import COMMENT_LIMIT, build, markdown, read_preview
from vertex_tuning.report.compare import Comparison
from vertex_tuning.stack import prices_of

ROOM = 2_000
"""Characters that are left to whoever puts the comment together."""


def reviewed(preview: Mapping[str, Any], resources: str, root: Path) -> str:
    """The comment on a preview; ``resources`` alone when no service changes."""
    read = read_preview(msgspec.json.encode(preview))
    report = build(read, prices_of(read.config, root), Comparison(root / "infra"))
    if not report.services:
        return resources
    told = markdown(report, COMMENT_LIMIT // 2)
    folded = f"<details><summary>Resource by resource</summary>\n\n{resources}\n</details>\n"
    return f"{told}\n{folded}" if len(told) + len(folded) + ROOM <= COMMENT_LIMIT else told
