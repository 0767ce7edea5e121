"""What arrives from outside is taken apart: for any input the parts are right, or the refusal is one of ours."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vertex_emulator.traffic import after_deploy, after_undeploy, choose
from vertex_emulator.wire.errors import ApiError
from vertex_emulator.wire.filters import compile_filter
from vertex_emulator.wire.multipart import RelatedBody
from vertex_emulator.wire.names import gcs_uri
from vertex_emulator.wire.proto import Version, parse

T = TypeVar("T")
INVALID_ARGUMENT = 3

# The first example pays for imports, and the machine may be busy: time says nothing here.
unhurried = settings(deadline=None)


def accepted(attempt: Callable[[], T]) -> T | None:
    """What an attempt gives, or None when it is refused as a bad request; anything else is an error."""
    try:
        return attempt()
    except ApiError as error:
        if error.code != INVALID_ARGUMENT:
            raise
        return None


async def stream(data: bytes, cuts: Sequence[int]) -> AsyncIterator[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        yield data[start:end]


@unhurried
@given(
    content=st.lists(st.sampled_from([b"\r\n", b"--", b"cut", b"\r", b"x" * 50, b"\0"])).map(b"".join),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_a_multipart_body_gives_its_bytes_however_it_is_cut_up(content: bytes, cuts: list[int]) -> None:
    """All contents but those that hold the whole delimiter, which a sender must not choose."""
    if b"\r\n--cut" in b"\r\n" + content:
        return
    body = b'--cut\r\n\r\n{"name": "n"}\r\n--cut\r\ncontent-type: text/x\r\n\r\n' + content + b"\r\n--cut--"

    async def read() -> tuple[object, bytes]:
        related = RelatedBody("multipart/related; boundary=cut", stream(body, cuts))
        head = await related.head()
        return head, b"".join([part async for part in related.content()])

    assert asyncio.run(read()) == (({"name": "n"}, "text/x"), content)


@unhurried
@given(st.text(max_size=40))
def test_any_filter_is_understood_or_refused(text: str) -> None:
    wanted = accepted(lambda: compile_filter(text, frozenset({"display_name"})))

    assert wanted is None or wanted({"name": "x", "displayName": "y"}) in {True, False}


@unhurried
@given(st.text(max_size=30) | st.text(max_size=30).map(lambda text: f"gs://bucket/{text}"))
def test_any_uri_is_a_harmless_place_or_refused(text: str) -> None:
    place = accepted(lambda: gcs_uri(text, "uri"))

    if place is not None and place.path:
        assert not {"", ".", ".."} & set(place.path.split("/"))
        assert str(place) == text.rstrip("/")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
fields = st.sampled_from(
    ["baseModel", "supervisedTuningSpec", "labels", "state", "tuningMode", "error", "nothing"]
)


@pytest.mark.parametrize("version", Version)
@unhurried
@given(st.dictionaries(fields, json_values) | json_values)
def test_any_body_is_parsed_or_refused(version: Version, body: object) -> None:
    parsed = accepted(lambda: parse(version, "TuningJob", body))

    assert parsed is None or parse(version, "TuningJob", parsed) == parsed, (
        "what was understood stays the same"
    )


shares = st.lists(st.integers(1, 50), min_size=1, max_size=4)


@unhurried
@given(shares, st.floats(0, 1, exclude_max=True))
def test_traffic_goes_to_somebody_with_a_share(parts: list[int], point: float) -> None:
    split = {str(index): part for index, part in enumerate(parts)} | {"none": 0}

    assert choose(split, point) in set(split) - {"none"}


@unhurried
@given(st.lists(st.sampled_from("abc"), unique=True))
def test_a_deployment_that_is_undeployed_again_leaves_the_split_as_it_was(others: list[str]) -> None:
    before = {key: 100 if key == others[0] else 0 for key in others}
    asked = {"0": 0, **before} if others else {"0": 100}

    during = after_deploy(before, asked, "new", set(others))
    after = after_undeploy(during, None, "new", set(others))

    assert after == before
