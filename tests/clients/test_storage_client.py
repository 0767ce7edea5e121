"""google-cloud-storage, with its uploads of every kind, its transfer manager and its batches."""

import io
import os
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.storage import transfer_manager

from tests.support.emulator import RunningEmulator
from tests.support.google import anonymous
from tests.support.plain import Plain

MIB = 1024 * 1024


@pytest.fixture
def client(plain: Plain) -> storage.Client:
    return storage.Client(
        project=plain.project, credentials=anonymous(), client_options={"api_endpoint": plain.url}
    )


@pytest.fixture
def bucket(plain: Plain, client: storage.Client) -> storage.Bucket:
    return client.create_bucket(plain.bucket, location="us-central1")


def test_buckets_are_made_found_and_deleted(
    plain: Plain, client: storage.Client, bucket: storage.Bucket
) -> None:
    assert client.get_bucket(plain.bucket).location == "US-CENTRAL1"
    assert client.bucket(plain.bucket).exists()
    assert not client.bucket("no-such-bucket").exists()
    assert [item.name for item in client.list_buckets()] == [plain.bucket]
    with pytest.raises(exceptions.Conflict):
        client.create_bucket(plain.bucket)
    bucket.labels = {"team": "blue"}
    bucket.patch()
    assert client.get_bucket(plain.bucket).labels == {"team": "blue"}
    bucket.labels = {"owner": "x"}
    bucket.update()
    assert client.get_bucket(plain.bucket).labels == {"owner": "x"}
    bucket.blob("a").upload_from_string("")
    bucket.delete(force=True)
    with pytest.raises(exceptions.NotFound):
        client.get_bucket(plain.bucket)


def test_access_to_a_bucket_is_granted_and_read_back(bucket: storage.Bucket) -> None:
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.iam_configuration.public_access_prevention = "enforced"
    bucket.patch()
    bucket.reload()
    member = "serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com"
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.objectAdmin", "members": {member}})

    bucket.set_iam_policy(policy)

    assert bucket.iam_configuration.uniform_bucket_level_access_enabled
    assert bucket.iam_configuration.public_access_prevention == "enforced"
    found = bucket.get_iam_policy(requested_policy_version=3)
    assert {"role": "roles/storage.objectAdmin", "members": {member}} in found.bindings
    assert bucket.test_iam_permissions("storage.objects.get") == ["storage.objects.get"]
    policy.bindings.clear()
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(policy)


@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 7], ids=["empty", "one byte", "three chunks"])
@pytest.mark.parametrize("chunk", [None, MIB], ids=["in one go", "resumable"])
def test_bytes_come_back_as_they_went(bucket: storage.Bucket, size: int, chunk: int | None) -> None:
    data = os.urandom(size)
    blob = bucket.blob("a/b c/ü.bin", chunk_size=chunk)

    blob.upload_from_file(io.BytesIO(data), size=size, checksum="crc32c")

    assert bucket.blob("a/b c/ü.bin").download_as_bytes(checksum="crc32c") == data
    assert bucket.get_blob("a/b c/ü.bin").size == size


def test_a_claim_is_given_once(bucket: storage.Bucket) -> None:
    bucket.blob("claim").upload_from_string("mine", if_generation_match=0)

    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("claim").upload_from_string("mine too", if_generation_match=0)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("claim").delete(if_generation_match=1)


def test_descriptions_are_kept_and_changed(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.metadata = {"owner": "x"}
    blob.cache_control = "no-store"
    blob.upload_from_string("{}", content_type="application/json")

    blob.metadata = {"owner": None, "new": "y"}
    blob.patch()

    found = bucket.get_blob("a")
    assert (found.metadata, found.content_type) == ({"new": "y"}, "application/json")
    assert (found.cache_control, found.metageneration) == ("no-store", 2)


def test_an_update_leaves_nothing_of_the_description_before(bucket: storage.Bucket) -> None:
    blob = bucket.blob("a")
    blob.metadata, blob.cache_control = {"owner": "x"}, "no-store"
    blob.upload_from_string("{}", content_type="application/json")

    blob.metadata, blob.cache_control = {"new": "y"}, None
    blob.update()

    found = bucket.get_blob("a")
    assert (found.metadata, found.cache_control) == ({"new": "y"}, None)
    assert (found.content_type, found.metageneration) == ("application/json", 2)


def test_folders_and_pages(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("a", "b/1", "b/2", "c/d/3"):
        bucket.blob(name).upload_from_string("")

    listed = client.list_blobs(bucket, delimiter="/", page_size=1)

    assert ([blob.name for blob in listed], listed.prefixes) == (["a"], {"b/", "c/"})
    assert [blob.name for blob in client.list_blobs(bucket, prefix="b/", page_size=1)] == ["b/1", "b/2"]


def test_copies_renames_and_joins(bucket: storage.Bucket) -> None:
    first, second = bucket.blob("1"), bucket.blob("2")
    first.upload_from_string("one ")
    second.upload_from_string("two")

    whole = bucket.blob("whole")
    whole.compose([first, second])
    copy = bucket.copy_blob(whole, bucket, "copy/of it")
    moved = bucket.rename_blob(copy, "moved")
    token, written, total = bucket.blob("rewritten").rewrite(moved)

    assert (token, written, total) == (None, 7, 7)
    assert bucket.blob("rewritten").download_as_text() == "one two"
    assert whole.component_count == 2
    assert bucket.move_blob(bucket.blob("rewritten"), "moved again").download_as_text() == "one two"
    assert not bucket.blob("rewritten").exists()
    assert not bucket.blob("copy/of it").exists()


def test_many_calls_in_one(client: storage.Client, bucket: storage.Bucket) -> None:
    for name in ("a", "b/ü c"):
        bucket.blob(name).upload_from_string("")

    with client.batch():
        for name in ("a", "b/ü c"):
            bucket.blob(name).delete()
    assert list(client.list_blobs(bucket)) == []

    with pytest.raises(exceptions.NotFound), client.batch():
        bucket.blob("a").delete()


def test_the_transfer_manager_moves_folders_and_large_files(bucket: storage.Bucket, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "deep").mkdir(parents=True)
    target.mkdir()
    names = ["a.bin", "deep/b.bin"]
    for name in names:
        (source / name).write_bytes(os.urandom(2 * MIB))

    sent = transfer_manager.upload_many_from_filenames(
        bucket, names, source_directory=str(source), worker_type=transfer_manager.THREAD
    )
    got = transfer_manager.download_many_to_path(
        bucket, names, destination_directory=str(target), worker_type=transfer_manager.THREAD
    )
    transfer_manager.download_chunks_concurrently(
        bucket.blob("a.bin"), str(target / "again"), chunk_size=MIB // 2, worker_type=transfer_manager.THREAD
    )

    assert not any(isinstance(item, Exception) for item in (*sent, *got)), (sent, got)
    assert [(target / name).read_bytes() for name in names] == [
        (source / name).read_bytes() for name in names
    ]
    assert (target / "again").read_bytes() == (source / "a.bin").read_bytes()


def test_the_transfer_manager_sends_one_file_in_parts(bucket: storage.Bucket, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(12 * MIB + 7))
    blob = bucket.blob("deep/in parts ü.bin")
    blob.metadata = {"step": "3"}

    transfer_manager.upload_chunks_concurrently(
        str(source), blob, chunk_size=5 * MIB, worker_type=transfer_manager.THREAD
    )

    found = bucket.get_blob(blob.name)
    assert found.download_as_bytes(checksum="crc32c") == source.read_bytes()
    assert (found.size, found.metadata, found.md5_hash) == (12 * MIB + 7, {"step": "3"}, None)


def test_a_lost_answer_is_asked_for_again(
    emulator: RunningEmulator, plain: Plain, bucket: storage.Bucket
) -> None:
    emulator.admin.fault(f"{plain.bucket}/o.*upload_id", "lose_response", method="PUT", nth=3)
    data = os.urandom(3 * MIB)

    bucket.blob("big", chunk_size=MIB).upload_from_file(io.BytesIO(data), size=len(data))

    assert bucket.blob("big").download_as_bytes() == data
