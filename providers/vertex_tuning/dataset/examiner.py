"""Line after line: decode, count, and note what is wrong."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any, Final

from msgspec import Struct
from msgspec.msgpack import Encoder
from msgspec.structs import replace

from vertex_tuning.dataset.diagnosis import line_problem, turn_problems
from vertex_tuning.dataset.images import in_bucket
from vertex_tuning.dataset.lengths import length_classes
from vertex_tuning.dataset.model import DatasetFormat, FindingKind, Image
from vertex_tuning.dataset.pieces import MAX_LINE_BYTES, pieces_between, whole_lines
from vertex_tuning.dataset.rereading import reread
from vertex_tuning.dataset.shapes import (
    ChatExample,
    ContentsExample,
    PromptCompletionExample,
    decode_line,
    decode_lines,
    images_of,
)
from vertex_tuning.dataset.tally import KEPT_IMAGES, Tally

DIGEST_BYTES: Final = 8

_encode_into: Final = Encoder().encode_into


class Part(Struct, frozen=True):
    """Whole lines of a file, from byte `start` to before `end`, and how to look at them.

    `format` is None as long as no line before was a well-formed example; `closer` asks for lengths and
    digests too.
    """

    start: int
    end: int
    format: DatasetFormat | None = None
    closer: bool = False


class Examined(Struct, frozen=True):
    """What is in a part. `digests` has 8 bytes for each line if asked for, zeros where it is no example;
    those after the last example are left out."""

    tally: Tally
    digests: bytes = b""


def examine(file: int, part: Part) -> Examined:
    """Read and examine a part of an open file; raises OSError when reading fails."""
    examiner = Examiner(part.format, closer=part.closer)
    for chunk in whole_lines(pieces_between(file, part.start, part.end)):
        examiner.feed(chunk)
    return examiner.examined()


class Examiner:
    """The state of one pass over the lines of a part. Feed it whole lines in order; then ask for the figures.

    The first well-formed example decides the format of the file: a broken line does not get to say that all
    the others are wrong. The figures count such lines only: they are those of a dataset when there is no
    error among the findings.
    """

    def __init__(self, known: DatasetFormat | None = None, *, closer: bool = False) -> None:
        self.tally = Tally(format=known)
        self._closer = closer
        self._sizes: list[int] = []
        self._digests = bytearray()
        self._encoded = bytearray()  # one example at a time

    def examined(self) -> Examined:
        """What is in the lines that have been fed."""
        return Examined(replace(self.tally, lengths=length_classes(self._sizes)), bytes(self._digests))

    def feed(self, chunk: bytes | None) -> None:
        """Take the next whole lines, or None for a line that was too long to be read."""
        tally = self.tally
        first = tally.lines + 1
        if chunk is None:
            tally.lines = first
            text = f"the line is longer than {MAX_LINE_BYTES} bytes; is a line feed missing between examples?"
            tally.note(first, FindingKind.TOO_LONG_LINE, text)
        elif tally.format and (examples := decode_lines(chunk, tally.format)):
            tally.lines += len(examples)
            self._take(first, examples)
        else:
            for tally.lines, line in enumerate(BytesIO(chunk), first):
                self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        tally = self.tally
        formats = [tally.format] if tally.format else DatasetFormat
        if decoded := decode_line(line, formats):
            tally.format, example = decoded
            self._take(tally.lines, [example])
        elif found := reread(line, formats):
            tally.format = found.format
            for problem in found.problems:
                tally.note(tally.lines, *problem)
            self._take(tally.lines, [found.example])
            self._note_images(found.example)
        else:
            tally.note(tally.lines, *line_problem(line, tally.format))

    def _note_images(self, example: Any) -> None:
        tally = self.tally
        images = [
            image for message in getattr(example, "messages", None) or () for image in images_of(message)
        ]
        tally.image_examples += bool(images)
        room = KEPT_IMAGES - len(tally.images)
        found = [Image(tally.lines, image) for image in images if in_bucket(image)]
        tally.images += found[: max(room, 0)]

    def _take(self, first: int, examples: Sequence[Any]) -> None:
        """Count the examples of lines that follow one another, from line `first` on."""
        tally = self.tally
        if isinstance(examples[0], ContentsExample):
            examples = [example.as_chat() for example in examples]
        pairs = tally.format is DatasetFormat.PROMPT_COMPLETION
        sizes = (self._pairs if pairs else self._chats)(first, examples)
        tally.examples += len(sizes)
        tally.characters += sum(sizes)
        tally.longest_example = max(tally.longest_example, *sizes)
        if self._closer:
            self._sizes += sizes
            self._digest(first, examples)

    # The two loops run once for every line of files with millions of them: they keep what they count in local
    # names, test for the good case only, and leave the wording of the bad ones to the diagnosis.

    def _chats(self, first: int, examples: Iterable[ChatExample]) -> list[int]:
        """The length of each example; what the assistant is to learn is counted on the way."""
        sizes: list[int] = []
        completion = 0
        for example in examples:
            messages = example.messages
            first_message = messages[0]
            total = 0
            asked = late_system = blank = False
            for message in messages:
                role = message.role
                content = message.content
                size = len(content)
                total += size
                if not size or content.isspace():
                    blank = True
                if role == "assistant":
                    completion += size
                elif role == "user":
                    asked = True
                elif message is not first_message:
                    late_system = True
            if blank or role != "assistant" or not asked or late_system:
                for kind, text in turn_problems(messages, self.tally.format):
                    self.tally.note(first + len(sizes), kind, text)
            sizes.append(total)
        self.tally.completion_characters += completion
        return sizes

    def _pairs(self, first: int, examples: Iterable[PromptCompletionExample]) -> list[int]:
        sizes: list[int] = []
        completion = 0
        for example in examples:
            question, answer = example.prompt, example.completion
            if not question or question.isspace():
                text = "prompt has no text; write what is asked, or delete the line"
                self.tally.note(first + len(sizes), FindingKind.EMPTY_PROMPT, text)
            if not answer or answer.isspace():
                text = "completion has no text; write what is to be learned, or delete the line"
                self.tally.note(first + len(sizes), FindingKind.EMPTY_COMPLETION, text)
            completion += len(answer)
            sizes.append(len(question) + len(answer))
        self.tally.completion_characters += completion
        return sizes

    def _digest(self, first: int, examples: Iterable[Any]) -> None:
        from xxhash import xxh3_64_digest

        digests = self._digests
        digests += bytes((first - 1) * DIGEST_BYTES - len(digests))
        encoded = self._encoded
        chats = self.tally.format is not DatasetFormat.PROMPT_COMPLETION
        for example in examples:
            # Of the turns, or of the pair: what else is on the line is not in it.
            _encode_into(example.messages if chats else (example.prompt, example.completion), encoded)
            digests += xxh3_64_digest(encoded)
