"""Page sizes and page tokens of lists."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from vertex_emulator.wire.errors import invalid

Json = dict[str, Any]
Item = TypeVar("Item")
DEFAULT_PAGE = 100
MAX_PAGE = 1000


def page_size(value: str | None) -> int:
    """The size asked for, 100 when none is given, at most 1000."""
    if not value:
        return DEFAULT_PAGE
    try:
        size = int(value)
    except ValueError:
        raise invalid(f"Invalid pageSize '{value}'.") from None
    if size < 0:
        raise invalid(f"Invalid pageSize {size}: it must not be negative.")
    return min(size or DEFAULT_PAGE, MAX_PAGE)


def token(after: str) -> str:
    """An opaque token that says after which item the next page starts."""
    return base64.urlsafe_b64encode(after.encode()).decode()


def after(value: str | None) -> str | None:
    """The item that a token names."""
    if not value:
        return None
    try:
        return base64.b64decode(value, altchars=b"-_", validate=True).decode()
    except ValueError:  # no base64, not ASCII, or no UTF-8 in it
        raise invalid("Invalid page token.") from None


def first(
    size: int,
    key: str,
    found: Sequence[Item],
    *,
    show: Callable[[Item], Json],
    place: Callable[[Item], str],
) -> Json:
    """The first `size` items as `{key: [...]}`; if more are left, `nextPageToken` names the last one."""
    answer: Json = {key: [show(item) for item in found[:size]]}
    if len(found) > size:
        answer["nextPageToken"] = token(place(found[size - 1]))
    return answer


def page(arguments: Mapping[str, str], key: str, found: Sequence[Json], *, by: str = "name") -> Json:
    """The page that `pageSize` and `pageToken` ask for, of items in the order of one of their fields."""
    size, start = page_size(arguments.get("pageSize")), after(arguments.get("pageToken")) or ""
    left = [item for item in sorted(found, key=lambda item: str(item[by])) if item[by] > start]
    return first(size, key, left, show=lambda item: item, place=lambda item: str(item[by]))
