"""Cloud Storage in memory: buckets, objects, generations and preconditions."""

import base64
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

from tests.support.fake_world import Served, World, called
from vertex_tuning.vertex.bounds import SMALL, TooLarge
from vertex_tuning.vertex.client import Blob
from vertex_tuning.vertex.errors import NotFound
from vertex_tuning.vertex.storage import always, repeats


@dataclass(frozen=True)
class Kept:
    """One object's bytes in one generation."""

    content: bytes
    generation: int
    encoding: str = ""
    repeated: bool = False
    """Whether its description repeats its bytes."""


class FakeStorage(Served):
    """``client.Storage`` in memory."""

    kind = "storage"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.buckets: set[str] = set()
        self.objects: dict[str, Kept] = {}
        self._generation = 0

    def put(self, uri: str, content: bytes, encoding: str = "") -> int:
        """Write an object, for the fakes' own use; its generation."""
        if _bucket(uri) not in self.buckets:
            raise NotFound("The specified bucket does not exist.")
        self._generation += 1
        self.objects[uri] = Kept(content, self._generation, encoding)
        return self._generation

    def below(self, uri: str) -> list[str]:
        """The URIs of the objects below a folder, for the fakes' own use."""
        return sorted(name for name in self.objects if name.startswith(f"{uri.rstrip('/')}/"))

    def is_model(self, uri: str) -> bool:
        """Whether a folder holds what passes for a model."""
        names = {name.rsplit("/", 1)[1] for name in self.below(uri)}
        return "config.json" in names and any(name.endswith(".safetensors") for name in names)

    @called
    def stat(self, uri: str) -> Blob | None:
        plain, _, generation = uri.partition("#")
        kept = self.objects.get(plain)
        if kept is None or (generation and int(generation) != kept.generation):
            return None
        return _view(plain, kept)

    def now(self) -> float:
        return self.world.clock.at

    @called
    def read(self, uri: str, *, most: int = SMALL) -> tuple[bytes, int] | None:
        kept = self.objects.get(uri)
        if kept and len(kept.content) > most:
            raise TooLarge(f"{uri} has more than {most:,} bytes")
        return (kept.content, kept.generation) if kept else None

    @called
    def write(self, uri: str, content: bytes, *, if_generation: int) -> int | None:
        kept = self.objects.get(uri)
        if (kept.generation if kept else 0) != if_generation:
            return kept.generation if kept and kept.content == content else None
        generation = self.put(uri, content)
        self.objects[uri] = Kept(content, generation, repeated=repeats(content))
        return generation

    @called
    def remove(self, uri: str, *, if_generation: int) -> bool:
        kept = self.objects.get(uri)
        if kept is None:
            return True
        if kept.generation != if_generation:
            return False
        del self.objects[uri]
        return True

    @called
    def upload(self, path: Path, uri: str) -> Blob:
        if uri not in self.objects:
            self.put(uri, path.read_bytes())
        return _view(uri, self.objects[uri])

    @called
    def send(self, path: Path, uri: str, *, if_generation: int) -> Blob | None:
        kept = self.objects.get(uri)
        if (kept.generation if kept else 0) != if_generation:
            return None
        self.put(uri, path.read_bytes())
        return _view(uri, self.objects[uri])

    @called
    def download(self, uri: str, path: Path, go_on: Callable[[], None] = always) -> None:
        go_on()
        plain, _, generation = uri.partition("#")
        kept = self.objects.get(plain)
        if kept is None or (generation and int(generation) != kept.generation):
            raise NotFound(f"No such object: {plain}")
        path.write_bytes(gzip.decompress(kept.content) if kept.encoding == "gzip" else kept.content)

    @called
    def listed(self, uri: str) -> tuple[Blob, ...]:
        if _bucket(uri) not in self.buckets:
            raise NotFound("The specified bucket does not exist.")
        return tuple(_view(name, self.objects[name]) for name in self.below(uri))

    @called
    def copy(self, source: str, target: str, go_on: Callable[[], None] = always) -> None:
        go_on()
        plain, _, generation = source.partition("#")
        kept = self.objects.get(plain)
        if kept is None or (generation and int(generation) != kept.generation):
            raise NotFound(f"No such object: {source}")
        self.put(target, kept.content, kept.encoding)

    @called
    def delete(self, uri: str) -> None:
        self.objects.pop(uri, None)

    @called
    def bucket_exists(self, uri: str) -> bool:
        return _bucket(uri) in self.buckets


def _bucket(uri: str) -> str:
    return uri.removeprefix("gs://").partition("/")[0]


def _view(uri: str, kept: Kept) -> Blob:
    checksum = base64.b64encode(google_crc32c.value(kept.content).to_bytes(4)).decode()
    return Blob(
        uri=uri,
        generation=kept.generation,
        crc32c=checksum,
        size=len(kept.content),
        encoding=kept.encoding,
        content=kept.content if kept.repeated else None,
    )
