"""What is known about a local training file: its facts, or what is wrong with it."""

import math
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field
from msgspec.structs import force_setattr

CHARACTERS_PER_TOKEN: Final = 4


def estimate_tokens(characters: int) -> int:
    """Tokens that so many characters are likely to be: one for every four, rounded up.

    The rule of thumb for English text under the Llama tokenizers. Scripts with many characters to a token
    (Chinese, Japanese, Korean) take more, up to one a character. The tokens that the chat template adds
    around each turn are not counted.
    """
    return -(-characters // CHARACTERS_PER_TOKEN)


def at_rate(tokens: int, rate: float) -> int:
    """Tokens that were estimated by the rule of thumb, at a measured number of tokens for each character."""
    return math.ceil(round(tokens * CHARACTERS_PER_TOKEN * rate, 6))


def at_most(tokens: int, rate: float | None) -> int:
    """The larger of both estimates: what decides whether an example is too long."""
    return tokens if rate is None else max(tokens, at_rate(tokens, rate))


class DatasetFormat(StrEnum):
    """The JSON Lines formats that Vertex AI takes for open models."""

    PROMPT_COMPLETION = "prompt_completion"
    CHAT = "chat"
    GENERATE_CONTENT = "generate_content"


class Severity(StrEnum):
    """Whether a finding keeps the file from being used."""

    ERROR = "error"
    WARNING = "warning"


class FindingKind(StrEnum):
    """Everything that can be found. The severity belongs to the kind, never to the single finding."""

    MISSING = "missing"
    NOT_A_FILE = "not_a_file"
    UNREADABLE = "unreadable"
    CHANGED_WHILE_READ = "changed_while_read"
    EMPTY = "empty"
    GIT_LFS_POINTER = "git_lfs_pointer"
    COMPRESSED = "compressed"
    BYTE_ORDER_MARK = "byte_order_mark"
    NOT_UTF8 = "not_utf8"
    BAD_JSON = "bad_json"
    TOO_LONG_LINE = "too_long_line"
    WRONG_SHAPE = "wrong_shape"
    WRONG_TYPE = "wrong_type"
    MIXED_FORMATS = "mixed_formats"
    UNKNOWN_ROLE = "unknown_role"
    SYSTEM_NOT_FIRST = "system_not_first"
    NO_USER_TURN = "no_user_turn"
    NOT_ENDING_WITH_ASSISTANT = "not_ending_with_assistant"
    BAD_IMAGE = "bad_image"
    SYSTEM_NOT_READ = "system_not_read"
    NOT_READ = "not_read"
    EMPTY_PROMPT = "empty_prompt"
    EMPTY_COMPLETION = "empty_completion"
    BLANK_LINE = "blank_line"

    @property
    def severity(self) -> Severity:
        """Warnings are what costs the user an example or a little clarity, and no training run.

        A blank line holds no example, and every reader of JSON Lines that we know skips it. An empty
        completion is a well-formed example that teaches the model only to stop, an empty prompt one that
        asks nothing; a key that is not read may or may not have mattered. All else is an error.
        """
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR


_WARNINGS: Final = frozenset(
    {
        FindingKind.BLANK_LINE,
        FindingKind.EMPTY_COMPLETION,
        FindingKind.EMPTY_PROMPT,
        FindingKind.NOT_READ,
    }
)


class Finding(Struct, frozen=True):
    """One thing that is wrong: where, what, and how to mend it, in one line of text.

    `line` counts from 1, and is None when the finding is about the whole file. No message quotes the text
    of an example: training data may be confidential, and messages end up in logs.
    """

    line: int | None
    kind: FindingKind
    message: str


class Image(Struct, frozen=True):
    """An image in Cloud Storage that an example names."""

    line: int
    uri: str


class _WithImages(Struct, frozen=True, kw_only=True):
    image_examples: int = 0
    images: tuple[Image, ...] = ()
    warned: tuple[Finding, ...] = ()
    warnings: Mapping[FindingKind, int] = field(default_factory=dict)


class Contents(_WithImages, frozen=True):
    """What a training file that can be used holds.

    `path` is as the caller wrote it. `characters` are Unicode code points in prompts, completions and message
    contents, without roles and JSON syntax; `completion_tokens_estimate` covers what the model learns to
    write (completions, or the assistant's turns). Token figures follow `estimate_tokens`, without what images
    take. `size` is in bytes. `image_examples` have images, of which `images` are the first few in Cloud
    Storage. `warnings` counts what was found and is no error, by kind; `warned` is the first of each kind.
    """

    path: str
    format: DatasetFormat
    examples: int
    characters: int
    estimated_tokens: int
    completion_tokens_estimate: int
    longest_example_tokens: int
    size: int


class Dataset(Contents, frozen=True):
    """A training file that can be used, and which bytes these are.

    `sha256` is lower-case hexadecimal, and `crc32c` is base64 of the big-endian checksum, as Cloud Storage
    writes it.
    """

    sha256: str
    crc32c: str


class Outcome(Struct, frozen=True):
    """The outcome of reading one file: a dataset exactly when nothing found is an error.

    `findings` holds the first twenty of each kind, in the order of their lines; `findings_total` counts all
    of them, and `counts` says how many there are of each kind. `counts` may be left out where none was cut.
    Raises ValueError when the parts contradict each other, so such a value cannot exist.
    """

    dataset: Contents | None
    findings: tuple[Finding, ...]
    findings_total: int
    counts: Mapping[FindingKind, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = Counter(finding.kind for finding in self.findings)
        if not self.counts:
            force_setattr(self, "counts", dict(kept))
        if kept.keys() != self.counts.keys():
            raise ValueError("counts and findings name different kinds")
        if any(kept[kind] > count for kind, count in self.counts.items()):
            raise ValueError("there are more findings than counted")
        if sum(self.counts.values()) != self.findings_total:
            raise ValueError("findings_total is not the sum of the counts")
        if (self.dataset is None) != self.has_errors:
            raise ValueError("a dataset is present exactly when no finding is an error")

    @property
    def has_errors(self) -> bool:
        """Whether any finding keeps the file from being used."""
        return any(kind.severity is Severity.ERROR for kind in self.counts)


class Inspection(Outcome, frozen=True):
    """The outcome of reading and fingerprinting one file."""

    dataset: Dataset | None
