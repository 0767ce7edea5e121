"""How much a service can make us read: lists that end, and objects of a size that is stated."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .errors import InvalidRequest, Transient

Item = TypeVar("Item")
SMALL = 4 * 1024 * 1024
"""Bytes of the largest object that is read whole into memory."""


class TooLarge(InvalidRequest):
    """An object is larger than what is written there ever is."""


class Pages:
    """The page tokens of one list.

    Attributes:
        token: of the page to ask for next; empty for the first.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._seen: set[str] = set()
        self.token = ""

    def leads_on(self, token: str) -> bool:
        """Whether another page follows; ``token`` is the one that the last page has named.

        Raises:
            Transient: it was named before, so that the list would never end.
        """
        if token and token in self._seen:
            raise Transient(
                f"the list of {self._what} does not end: it named the same page twice; run it again"
            )
        self._seen.add(token)
        self.token = token
        return bool(token)


def listed(pager: Any, what: str, items: Callable[[Any], Iterable[Item]]) -> list[Item]:
    """Every item of a list of Google's clients; ``items`` gives those of one page.

    Raises:
        Transient: the service names the same page twice.
    """
    seen, found = Pages(what), list[Item]()
    for page in pager.pages:
        found += items(page)
        if not seen.leads_on(pager.next_page_token or ""):
            break
    return found


class Bounded(io.BytesIO):
    """Takes so many bytes and no more: what is sent beyond them is not read.

    Raises:
        TooLarge: from ``write``, when more arrives.
    """

    def __init__(self, uri: str, most: int) -> None:
        super().__init__()
        self._uri, self._most = uri, most

    def write(self, content: Any) -> int:
        """Take a piece."""
        if self.tell() + len(content) > self._most:
            raise TooLarge(f"{self._uri} has more than {self._most:,} bytes")
        return super().write(content)
