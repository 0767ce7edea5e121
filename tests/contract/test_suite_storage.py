"""Cloud Storage: what the plugin relies on, of every Vertex."""

import json
import uuid
from pathlib import Path

import pytest

from tests.contract.backends import Backend, Wire
from vertex_tuning.vertex.errors import NotFound


def test_a_write_names_what_it_replaces(backend: Backend) -> None:
    storage, uri = backend.vertex.storage, f"{backend.folder}/claims/{uuid.uuid4().hex}.json"
    assert storage.read(uri) is None
    first = storage.write(uri, b"one", if_generation=0)
    assert first
    assert storage.write(uri, b"other", if_generation=0) is None, "it is there already"
    second = storage.write(uri, b"two", if_generation=first)
    assert second not in (None, first)
    assert storage.write(uri, b"three", if_generation=first) is None, "someone was faster"
    assert storage.read(uri) == (b"two", second)
    assert storage.remove(uri, if_generation=first) is False
    assert second is not None
    assert storage.remove(uri, if_generation=second) is True
    assert storage.remove(uri, if_generation=second) is True, "gone is done"


def test_the_same_write_twice_is_one(backend: Backend) -> None:
    storage, uri = backend.vertex.storage, f"{backend.folder}/claims/{uuid.uuid4().hex}.json"
    first = storage.write(uri, b"same", if_generation=0)
    assert storage.write(uri, b"same", if_generation=0) == first, "an answer that was lost is found"


@pytest.mark.evidence("storage.one-write-a-second", side="contract")
def test_writes_of_one_object_in_a_row_all_arrive(backend: Backend) -> None:
    storage, uri = backend.vertex.storage, f"{backend.folder}/claims/{uuid.uuid4().hex}.json"
    generation = 0
    for n in range(4):
        written = storage.write(uri, b"%d" % n, if_generation=generation)
        assert written is not None, "refused for its rate, and repeated"
        generation = written
    assert storage.read(uri) == (b"3", generation)


def test_up_down_copy_list_and_delete(backend: Backend, tmp_path: Path) -> None:
    storage, folder = backend.vertex.storage, f"{backend.folder}/{uuid.uuid4().hex}"
    path = tmp_path / "file"
    path.write_bytes(b"content")
    there = storage.upload(path, f"{folder}/a/b")
    assert storage.upload(path, f"{folder}/a/b") == there, "an equal object is left as it is"
    assert storage.stat(f"{folder}/a/b") == there
    storage.copy(f"{folder}/a/b", f"{folder}/c")
    storage.copy(f"{folder}/a/b#{there.generation}", f"{folder}/c")
    with pytest.raises(NotFound):
        storage.copy(f"{folder}/a/b#1", f"{folder}/d")
    storage.download(f"{folder}/c", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"content"
    assert [blob.uri for blob in storage.listed(folder)] == [f"{folder}/a/b", f"{folder}/c"]
    assert [blob.uri for blob in storage.listed(f"{folder}/a")] == [f"{folder}/a/b"], "a folder, not a prefix"
    storage.delete(f"{folder}/c")
    storage.delete(f"{folder}/c")
    assert storage.stat(f"{folder}/c") is None


def test_buckets(backend: Backend) -> None:
    assert backend.vertex.storage.bucket_exists(backend.folder)
    assert not backend.vertex.storage.bucket_exists("gs://no-such-bucket-here-at-all/x")


@pytest.mark.evidence("storage.checksum-given", side="contract")
def test_an_upload_with_a_wrong_checksum_is_refused(backend: Backend, wire: Wire) -> None:
    name = f"contract-{backend.run}/{uuid.uuid4().hex}"
    begun = wire.call(
        "POST",
        f"{wire.storage}/upload/storage/v1/b/{backend.bucket}/o?uploadType=resumable",
        {"name": name, "crc32c": "AAAAAA=="},
    )
    assert begun.ok, begun.text
    sent = wire.call("PUT", begun.headers["Location"], data=b"x" * 300_000)
    assert sent.status_code == 400, sent.text
    assert backend.vertex.storage.stat(f"gs://{backend.bucket}/{name}") is None


@pytest.mark.evidence("storage.match-glob", side="contract")
def test_two_stars_may_stand_within_a_name(backend: Backend, wire: Wire) -> None:
    folder, storage = f"contract-{backend.run}/{uuid.uuid4().hex}", backend.vertex.storage
    for name in ("a/foobar", "a/b/xfoobar", "a/foo"):
        storage.write(f"gs://{backend.bucket}/{folder}/{name}", b"", if_generation=0)
    found = wire.ok(
        "GET", f"{wire.storage}/storage/v1/b/{backend.bucket}/o", params={"matchGlob": f"{folder}/**foobar"}
    )
    names = {item["name"].removeprefix(f"{folder}/") for item in found["items"]}
    assert names == {"a/foobar", "a/b/xfoobar"}, json.dumps(found)


@pytest.mark.parametrize(
    ("content", "repeated", "why"),
    [
        (b'{"owner":"me"}', True, "a claim, and most lineages"),
        (b"x" * 4096, True, "as much as is repeated"),
        (b"x" * 4097, False, "custom metadata have a bound"),
        ('{"owner":"m\u00fc"}'.encode(), False, "custom metadata are sent as headers too"),
        (b"\xff", False, "no text"),
    ],
)
def test_a_list_repeats_what_small_objects_say(
    backend: Backend, content: bytes, *, repeated: bool, why: str
) -> None:
    storage = backend.vertex.storage
    uri = f"{backend.folder}/repeated/{len(content)}-{content[:1].hex()}"
    generation = storage.write(uri, content, if_generation=0)
    [found] = [blob for blob in storage.listed(f"{backend.folder}/repeated") if blob.uri == uri]
    assert found.generation == generation
    assert (found.content == content) is repeated, why
    assert storage.read(uri) == (content, generation)
