"""What a preview's configuration says together with the files that its stack shares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..pricing import Book, find_book
from .layers import FOLDER, Layer, merge, own_values, read_shared


def prices_of(config: Mapping[str, Any], root: Path) -> Book:
    """The price book that the previewed stack was counted with.

    Args:
        config: what ``pulumi preview --json`` prints as ``config``: the stack's own values.
        root: the project's folder.

    Raises:
        ValueError: as ``read_book``.
    """
    own = own_values(config)
    # A shared file that cannot be read has failed the preview, which says so.
    shared, _ = read_shared(root / FOLDER, own.get("team"), own.get("environment"))
    named = merge([*shared, Layer("", own)]).values.get("prices")
    return find_book(named if isinstance(named, str) else None, root)
