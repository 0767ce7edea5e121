"""A checkpoint arrives whole or is taken up again; nothing in the bucket is ever replaced."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fake import FakeVertex
from vertex_tuning.vertex.errors import AlreadyExists, NotFound, PermissionMissing
from vertex_tuning.weights import Checkpoint, Pushed, Step, push
from vertex_tuning.weights.checkpoint import File

URI = "gs://b/bases/ours"
NAMES = ("model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json")
Push = Callable[[], tuple[Pushed | None, list[str]]]


@pytest.fixture
def fake() -> FakeVertex:
    return FakeVertex("b")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    for name in NAMES:
        (tmp_path / name).write_bytes(name.encode())
    return Checkpoint(tuple(File(tmp_path / name, len(name)) for name in NAMES), (), "")


@pytest.fixture
def pushed(fake: FakeVertex, checkpoint: Checkpoint) -> Push:
    def again() -> tuple[Pushed | None, list[str]]:
        found, problems = push(fake.storage, checkpoint, URI, lambda _: None)
        return found, [str(problem) for problem in problems]

    return again


def test_everything_arrives_and_the_configuration_last(fake: FakeVertex, checkpoint: Checkpoint) -> None:
    steps: list[Step] = []
    found, problems = push(fake.storage, checkpoint, URI, steps.append)
    assert (problems, found is not None) == ([], True)
    assert steps[-1].name == "config.json", "half a folder is no model"
    for file in checkpoint.files:
        assert fake.storage.objects[f"{URI}/{file.name}"].content == file.path.read_bytes()


def test_a_second_push_sends_nothing(fake: FakeVertex, pushed: Push) -> None:
    pushed()
    before = dict(fake.storage.objects)
    found, _ = pushed()
    assert found is not None
    assert [step.sent for step in found.files] == [False] * len(found.files)
    assert fake.storage.objects == before


def test_a_push_that_was_cut_off_is_taken_up(fake: FakeVertex, pushed: Push) -> None:
    fake.fault("storage.send", PermissionMissing("expired"), nth=3)
    with pytest.raises(PermissionMissing):
        pushed()
    assert f"{URI}/config.json" not in fake.storage.objects
    found, _ = pushed()
    assert found is not None
    assert 0 < sum(step.sent for step in found.files) < len(found.files)


def test_what_is_there_with_other_content_stays(fake: FakeVertex, pushed: Push) -> None:
    fake.storage.put(f"{URI}/config.json", b"{}")
    fake.storage.put(f"{URI}/old-00001.safetensors", b"")
    before = dict(fake.storage.objects)
    found, problems = pushed()
    assert found is None
    assert problems == [
        f"{URI}/old-00001.safetensors: is not part of this checkpoint. Push to a separate folder",
        f"{URI}/config.json: exists with other content. Push to a separate folder",
    ]
    assert fake.storage.objects == before


def test_a_folder_whose_name_begins_the_same_is_another(fake: FakeVertex, pushed: Push) -> None:
    fake.storage.put(f"{URI}-2/config.json", b"{}")
    assert pushed()[0] is not None


def test_somebody_who_writes_at_the_same_time_is_not_overwritten(
    fake: FakeVertex, checkpoint: Checkpoint
) -> None:
    def rival(step: Step) -> None:
        fake.storage.objects.setdefault(f"{URI}/config.json", fake.storage.objects[f"{URI}/{step.name}"])

    with pytest.raises(AlreadyExists, match="written by another run"):
        push(fake.storage, checkpoint, URI, rival)


def test_an_answer_that_was_lost_is_no_failure(fake: FakeVertex, checkpoint: Checkpoint) -> None:
    config = checkpoint.files[-1].path.read_bytes()

    def same(_: Step) -> None:
        if f"{URI}/config.json" not in fake.storage.objects:
            fake.storage.put(f"{URI}/config.json", config)

    found, _ = push(fake.storage, checkpoint, URI, same)
    assert found is not None


def test_what_vanishes_is_told(fake: FakeVertex, checkpoint: Checkpoint) -> None:
    def thief(step: Step) -> None:
        if step.name == "config.json":
            del fake.storage.objects[f"{URI}/tokenizer.json"]

    with pytest.raises(NotFound, match=r"tokenizer.json was not uploaded completely. Run the command again"):
        push(fake.storage, checkpoint, URI, thief)
