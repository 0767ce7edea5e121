"""What is read of a bucket has a stated size, on the wire and unpacked; and its clock is the one that counts."""

import gzip
import time
import tracemalloc

import httpx
import pytest

from tests.contract.backends import Backend
from tests.support.plain import Plain
from vertex_tuning.vertex import Connection, connect
from vertex_tuning.vertex.bounds import TooLarge


@pytest.mark.parametrize(("size", "most", "fits"), [(0, 10, True), (10, 10, True), (11, 10, False)])
def test_no_more_is_read_than_may_be(backend: Backend, size: int, most: int, *, fits: bool) -> None:
    storage, uri = backend.vertex.storage, f"{backend.folder}/bounded-{size}-{most}"
    storage.write(uri, b"x" * size, if_generation=0)
    if fits:
        found = storage.read(uri, most=most)
        assert found is not None
        assert found[0] == b"x" * size
    else:
        with pytest.raises(TooLarge, match="more than 10 bytes"):
            storage.read(uri, most=most)


def test_the_time_is_the_service_s(backend: Backend) -> None:
    storage = backend.vertex.storage
    storage.write(f"{backend.folder}/now", b"", if_generation=0)
    before = storage.now()
    assert storage.now() >= before


def test_a_packed_object_is_not_unpacked(plain: Plain) -> None:
    plain.put("small", b"")
    packed = gzip.compress(b"\0" * 100_000_000)
    boundary = "b"
    body = (
        (
            f'--{boundary}\r\nContent-Type: application/json\r\n\r\n{{"name":"packed","contentEncoding":"gzip"}}\r\n'
            f"--{boundary}\r\nContent-Type: application/json\r\n\r\n"
        ).encode()
        + packed
        + f"\r\n--{boundary}--\r\n".encode()
    )
    httpx.post(
        f"{plain.url}/upload/storage/v1/b/{plain.bucket}/o",
        params={"uploadType": "multipart"},
        headers={"Content-Type": f"multipart/related; boundary={boundary}"},
        content=body,
    ).raise_for_status()
    storage = connect(Connection(endpoint=plain.url)).storage
    tracemalloc.start()
    with pytest.raises(TooLarge, match="packed"):
        storage.read(f"gs://{plain.bucket}/packed", most=256 * 1024)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_the_service_s_clock_counts_whatever_this_machine_s_says(
    plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.put("small", b"")
    right = time.time()
    storage = connect(Connection(endpoint=plain.url)).storage
    monkeypatch.setattr(time, "time", lambda: right - 600)
    storage.read(f"gs://{plain.bucket}/small")
    assert abs(storage.now() - right) < 60
