"""Lists of Cloud Storage objects, with folders rolled up at a delimiter."""

from collections.abc import Iterable
from itertools import takewhile
from typing import NamedTuple

from vertex_emulator.api.routing import Call
from vertex_emulator.api.storage.common import Json, bucket_of, page_size, shown
from vertex_emulator.store.objects import Object
from vertex_emulator.wire.errors import StorageError
from vertex_emulator.wire.globs import compile_glob


class Page(NamedTuple):
    """Objects and folders in the order of their names; `last` is the last of both if there is more."""

    items: list[Object]
    prefixes: list[str]
    last: str | None


def list_(call: Call) -> Json:
    """Objects by name. A page token is the name of the object or folder that was shown last."""
    bucket, query = bucket_of(call), call.query
    prefix, after, end = query.get("prefix", ""), query.get("pageToken", ""), query.get("endOffset", "")
    start = max(prefix, query.get("startOffset", ""), after)
    glob = compile_glob(query["matchGlob"]) if query.get("matchGlob") else None
    if glob is not None and query.get("delimiter"):
        raise StorageError(501, "matchGlob together with a delimiter is not served.", "notImplemented")
    horizon = call.service.now() - call.faults.lag_s
    found = takewhile(
        lambda item: item.name.startswith(prefix) and (not end or item.name < end),
        call.service.store.objects.scan(bucket.name, start),
    )
    visible = (
        item for item in found
        if (not call.faults.lag_s or item.created <= horizon) and (glob is None or glob.matches(item.name))
    )  # fmt: skip
    page = page_of(visible, prefix, query.get("delimiter", ""), after, page_size(query))
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
