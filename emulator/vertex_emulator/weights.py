"""Model weights in Cloud Storage: what makes a folder of objects a model."""

import hashlib
from pathlib import Path

import msgspec

from vertex_emulator.store.objects import Object
from vertex_emulator.store.store import Store
from vertex_emulator.wire.errors import invalid, precondition
from vertex_emulator.wire.names import GcsUri, gcs_uri

CONFIG = "config.json"


class Weights(msgspec.Struct, frozen=True):
    """The objects of one model folder; `key` changes with their content and with nothing else."""

    uri: GcsUri
    objects: tuple[Object, ...]

    @property
    def key(self) -> str:
        """A hash over the names and contents of the objects."""
        lines = (
            f"{item.name.removeprefix(self.uri.path)} {item.size} {item.crc32c}" for item in self.objects
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def find_weights(store: Store, uri: str, field: str) -> Weights:
    """The model folder at a `gs://` URI.

    Raises:
        ApiError: INVALID_ARGUMENT for a malformed URI, FAILED_PRECONDITION when no model lies there.
    """
    place = gcs_uri(uri, field)
    objects = tuple(store.objects.below(place.bucket, place.path))
    names = {item.name.removeprefix(place.path).lstrip("/") for item in objects}
    if CONFIG not in names:
        raise precondition(f"No model is found at {place}: there is no {CONFIG}.")
    if not any(name.endswith(".safetensors") for name in names):
        raise precondition(f"No model is found at {place}: there are no *.safetensors files.")
    return Weights(place, objects)


def existing_object(store: Store, uri: str, field: str) -> Object:
    """The object at a `gs://` URI. Raises ApiError INVALID_ARGUMENT when there is none."""
    place = gcs_uri(uri, field)
    found = store.objects.find(place.bucket, place.path) if place.path else None
    if found is None:
        raise invalid(f"The file at {field} '{uri}' is not found or cannot be read.")
    return found


def local_name(folder: Path, prefix: str, name: str, index: int) -> Path:
    """A safe local path for an object of a model folder.

    Files that lie directly in the folder keep their names, for that is how a checkpoint is read; what lies
    deeper, or has a name that no file may have, gets a number.
    """
    relative = name.removeprefix(prefix).lstrip("/")
    plain = "/" not in relative and "\0" not in relative and relative not in {"", ".", ".."}
    return folder / (relative if plain and len(relative.encode()) <= 255 else f"other-{index}")
