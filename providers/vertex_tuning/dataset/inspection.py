"""One pass over a local file, from its path to what is known about it."""

import os
import stat
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from vertex_tuning.dataset.digests import Digests
from vertex_tuning.dataset.fingerprint import Fingerprint
from vertex_tuning.dataset.model import (
    Contents,
    Dataset,
    DatasetFormat,
    FindingKind,
    Inspection,
    Outcome,
    Severity,
    estimate_tokens,
)
from vertex_tuning.dataset.reading import Progress, Reading, read
from vertex_tuning.dataset.tally import Tally

# What a file begins with when none of its lines is worth a look.
_FOREIGN: Final = (
    (
        b"version https://git-lfs.github.com/spec/",
        FindingKind.GIT_LFS_POINTER,
        "the file is a Git LFS pointer, not the data; run git lfs pull",
    ),
    (b"\x1f\x8b", FindingKind.COMPRESSED, "the file is compressed with gzip; unpack it"),
    (b"PK\x03\x04", FindingKind.COMPRESSED, "the file is a zip archive; unpack it"),
    (b"\x28\xb5\x2f\xfd", FindingKind.COMPRESSED, "the file is compressed with Zstandard; unpack it"),
    (b"\xff\xfe", FindingKind.NOT_UTF8, "the file is UTF-16; save it with the encoding UTF-8"),
    (b"\xfe\xff", FindingKind.NOT_UTF8, "the file is UTF-16; save it with the encoding UTF-8"),
)
_HEAD_BYTES: Final = 64
_WIDE_BYTES: Final = 8


class Survey(Struct, frozen=True):
    """What came out, and what a closer look at the examples says.

    `lengths` counts the examples by the power of two that their estimated tokens fit in: its keys are the
    exponents. `digests` tells which examples are there twice, in this file or in another one's.
    """

    outcome: Outcome
    lengths: dict[int, int]
    digests: Digests


def inspect(path: Path) -> Inspection:
    """Read a local training file once, and say what it holds or what is wrong with it.

    Never raises for what is wrong with the file or with reading it: that is a finding. A byte order mark is
    an error; CRLF line ends are fine, and so is a last line without a line end. Memory stays flat whatever
    the size of the file. A large file is examined by up to four processes.
    """
    reading = _look(path, closer=False)
    outcome = _outcome(path, reading)
    dataset = _dataset(outcome.dataset, reading.fingerprint) if outcome.dataset else None
    return Inspection(dataset, outcome.findings, outcome.findings_total, outcome.counts)


def survey(path: Path, progress: Progress | None = None) -> Survey:
    """A closer look at the examples, without a fingerprint of the file. It takes disk space in the folder for
    temporary files when there are millions of examples.

    `progress` gets the number of newly processed bytes; if workers are lost and the file is read again, it
    starts over.
    """
    reading = _look(path, closer=True, progress=progress)
    return Survey(_outcome(path, reading), reading.tally.lengths, reading.digests)


def _look(path: Path, *, closer: bool, progress: Progress | None = None) -> Reading:
    reading = Reading()
    try:
        # Looked at before it is opened: opening a named pipe would wait for its writer.
        if stat.S_ISREG(path.stat().st_mode):
            reading = _read(path, closer=closer, progress=progress)
        else:
            text = "it is not a regular file; name one JSON Lines file"
            reading.tally.note(None, FindingKind.NOT_A_FILE, text)
    except FileNotFoundError:
        text = f"there is no file {path.resolve()}; check its name"
        reading.tally.note(None, FindingKind.MISSING, text)
    except OSError as error:
        text = f"it cannot be read: {error.strerror}; mend that, and run again"
        reading.tally.note(None, FindingKind.UNREADABLE, text)
    return reading


def _read(path: Path, *, closer: bool, progress: Progress | None) -> Reading:
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        head = os.pread(file.fileno(), _HEAD_BYTES, 0)
        for magic, kind, text in _FOREIGN:
            if head.startswith(magic) or (kind is FindingKind.NOT_UTF8 and _wide(head)):
                foreign = Reading()
                foreign.tally.note(None, kind, text)
                return foreign
        reading = read(file.fileno(), closer=closer, progress=progress)
        after = os.fstat(file.fileno())
    tally = reading.tally
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        text = "the file was written to while it was read; run again when that is done"
        tally.note(None, FindingKind.CHANGED_WHILE_READ, text)
    if not tally.examples and not tally.counts.keys() - {FindingKind.BLANK_LINE}:
        tally.note(None, FindingKind.EMPTY, "the file holds no example; write at least one")
    return reading


def _wide(head: bytes) -> bool:
    """Whether every other byte is zero, as in ASCII text that is UTF-16 without a byte order mark."""
    return any(
        len(head) >= _WIDE_BYTES and not any(head[zeros::2]) and all(head[1 - zeros :: 2]) for zeros in (0, 1)
    )


def _outcome(path: Path, reading: Reading) -> Outcome:
    tally = reading.tally
    good = all(kind.severity is Severity.WARNING for kind in tally.counts)
    return Outcome(
        dataset=_contents(path, reading.size, tally.format, tally) if good and tally.format else None,
        # Those about the whole file first, then by line.
        findings=tuple(sorted(tally.findings, key=lambda finding: finding.line or 0)),
        findings_total=sum(tally.counts.values()),
        counts=tally.counts,
    )


def _contents(path: Path, size: int, name: DatasetFormat, tally: Tally) -> Contents:
    return Contents(
        path=str(path),
        format=name,
        examples=tally.examples,
        characters=tally.characters,
        estimated_tokens=estimate_tokens(tally.characters),
        completion_tokens_estimate=estimate_tokens(tally.completion_characters),
        longest_example_tokens=estimate_tokens(tally.longest_example),
        size=size,
        image_examples=tally.image_examples,
        images=tuple(tally.images),
        warned=tuple({finding.kind: finding for finding in reversed(tally.findings)}.values())[::-1],
        warnings=tally.counts,
    )


def _dataset(contents: Contents, fingerprint: Fingerprint) -> Dataset:
    return Dataset(**asdict(contents), sha256=fingerprint.sha256, crc32c=fingerprint.crc32c)
