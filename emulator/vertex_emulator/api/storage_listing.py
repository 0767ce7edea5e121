"""Lists of Cloud Storage objects, with folders rolled up at a delimiter."""

from collections.abc import Iterable
from itertools import takewhile
from typing import NamedTuple

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage_common import Json, bad, bucket_of, number, shown
from vertex_emulator.store.objects import Object

_MAX_PAGE = 1000


class Page(NamedTuple):
    """Objects and folders in the order of their names; `last` is the last of both if there is more."""

    items: list[Object]
    prefixes: list[str]
    last: str | None


def list_(call: Call) -> Json:
    """Objects by name. A page token is the name of the object or folder that was shown last."""
    bucket, query = bucket_of(call), call.query
    size = number(query.get("maxResults") or str(_MAX_PAGE), "maxResults")
    if size < 1:
        raise bad(f"Invalid value for maxResults: {size}.")
    prefix, after, end = query.get("prefix", ""), query.get("pageToken", ""), query.get("endOffset", "")
    start = max(prefix, query.get("startOffset", ""), after)
    horizon = call.service.now() - call.faults.lag_s
    found = takewhile(
        lambda item: item.name.startswith(prefix) and (not end or item.name < end),
        call.service.store.objects.scan(bucket.name, start),
    )
    old_enough = (item for item in found if not call.faults.lag_s or item.created <= horizon)
    page = page_of(old_enough, prefix, query.get("delimiter", ""), after, min(size, _MAX_PAGE))
    answer: Json = {"kind": "storage#objects", "items": [shown(call, item) for item in page.items]}
    if page.prefixes:
        answer["prefixes"] = page.prefixes
    if page.last is not None:
        answer["nextPageToken"] = page.last
    return answer


def page_of(objects: Iterable[Object], prefix: str, delimiter: str, after: str, size: int) -> Page:
    """The first `size` objects and folders behind `after`, out of sorted objects that begin with `prefix`."""
    page, last = Page([], [], None), after
    for item in objects:
        head, found, _ = item.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        shown_as = prefix + head + found if found else item.name
        if shown_as <= after or (page.prefixes and shown_as == page.prefixes[-1]):
            continue
        if len(page.items) + len(page.prefixes) == size:
            return page._replace(last=last)
        last = shown_as
        if found:
            page.prefixes.append(shown_as)
        else:
            page.items.append(item)
    return page
