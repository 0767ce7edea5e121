"""A preview's configuration merged with the stack's shared files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..pricing import Book, find_book
from .layers import FOLDER, Layer, merge, own_values, read_shared


def prices_of(config: Mapping[str, Any], root: Path) -> Book:
    """The price book of the previewed stack.

    Args:
        config: what ``pulumi preview --json`` prints as ``config``: the stack's own values.
        root: the project's folder.

    Raises:
        ValueError: as ``read_book``.
    """
    own = own_values(config)
    # An unreadable shared file has already failed the preview.
    shared, _ = read_shared(root / FOLDER, own.get("team"), own.get("environment"))
    named = merge([*shared, Layer("", own)]).values.get("prices")
    return find_book(named if isinstance(named, str) else None, root)
