"""A closer look at the files of a tuning, kept by their content: what spoils a tuning without being wrong."""

from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from vertex_tuning.dataset.cache import default_cache_folder, inspect_cached, store
from vertex_tuning.dataset.inspection import survey
from vertex_tuning.dataset.model import Dataset
from vertex_tuning.decoding import REFUSED

# Beyond this it takes too long for a preview; `vertex-tuning validate` looks at files of any size.
MOST_BYTES: Final = 256 * 2**20


class Closer(Struct, frozen=True):
    """How many training examples are repeats, and how many for validation are among them."""

    duplicates: int = 0
    leaked: int = 0


_CLOSER = msgspec.json.Decoder(Closer)


def look_closer(training: Dataset, validation: Dataset | None, cache_folder: Path | None = None) -> Closer:
    """Count what is suspicious in files that are known; the second time it is read from the cache.

    Files that are large, or were written to since, count as beyond suspicion.
    """
    given = [each for each in (training, validation) if each is not None]
    if sum(each.size for each in given) > MOST_BYTES:
        return Closer()
    try:
        entry = (
            cache_folder or default_cache_folder()
        ) / f"{'-'.join(each.sha256[:32] for each in given)}.closer"
        return _CLOSER.decode(entry.read_bytes())
    except RuntimeError:  # the user has no home folder
        entry = None
    except (OSError, *REFUSED):
        pass
    found = _counted(given, cache_folder)
    if found is not None and entry is not None:
        with suppress(OSError):
            store(entry, found)
    return found or Closer()


def _counted(given: list[Dataset], cache_folder: Path | None) -> Closer | None:
    seen = [survey(Path(each.path)) for each in given]
    now = [inspect_cached(Path(each.path), cache_folder).dataset for each in given]
    if [each and each.sha256 for each in now] != [each.sha256 for each in given]:
        return None  # changed since, so it is not known which bytes were looked at
    return Closer(
        duplicates=seen[0].digests.repeats().total,
        leaked=seen[1].digests.repeats_from(seen[0].digests).total if len(seen) > 1 else 0,
    )
