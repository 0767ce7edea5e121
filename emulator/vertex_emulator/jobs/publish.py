"""From a worker's output folder to objects in the bucket that the job names."""

from pathlib import Path

from vertex_emulator.store.checksums import checksums
from vertex_emulator.store.objects import Object
from vertex_emulator.store.store import Store
from vertex_emulator.wire.names import GcsUri


def adopt_files(store: Store, folder: Path, target: GcsUri, now: float) -> list[Object]:
    """Make blobs of every file below `folder` and give the objects that they are to become.

    Touches no books and may run in a thread.
    """
    found: list[Object] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        sums = checksums(path)
        place = target.child(path.relative_to(folder).as_posix())
        found.append(
            Object(
                bucket=place.bucket,
                name=place.path,
                blob=store.blobs.adopt(path),
                generation=int(now * 1_000_000) + len(found),
                size=sums.size,
                crc32c=sums.crc32c,
                md5=sums.md5,
                created=now,
                updated=now,
                content_type="application/json" if path.suffix == ".json" else "application/octet-stream",
            )
        )
    return found
