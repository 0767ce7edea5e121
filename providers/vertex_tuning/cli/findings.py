"""How `validate` prints a file: figures, a histogram of lengths, findings by kind."""

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from ..dataset import Contents, FindingKind, Outcome, Repeats, Severity, longer_than
from .statistics import Limit, Look

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}
_WIDTH = 32


def report(looks: Sequence[Look], bar: str) -> Iterator[Text]:
    """The lines; `bar` is the character for bars."""
    for index, look in enumerate(looks):
        if index:
            yield Text()
        yield _headline(look)
        if look.outcome.dataset is not None:
            yield from _figures(look.outcome.dataset, look.rate)
            yield from _picture(look, bar)
            yield from _repeats("duplicate", look.duplicates, "")
            for overlap in look.overlaps:
                if not overlap.examples.total:
                    yield Text(f"  no example is in {overlap.path}", "dim")
                yield from _repeats("in_training", overlap.examples, f" of {overlap.path}")
        if look.refused:
            messages: list[tuple[list[int], str]] = [([], problem) for problem in look.refused]
            yield from _entries(f"{Severity.ERROR} refused", Severity.ERROR, len(messages), messages)
        if look.unsure:
            doubts: list[tuple[list[int], str]] = [([], doubt) for doubt in look.unsure]
            yield from _entries(f"{Severity.WARNING} unsure", Severity.WARNING, len(doubts), doubts)
        for kind, count in look.outcome.counts.items():
            yield from _group(look.outcome, kind, count)


def _headline(look: Look) -> Text:
    verdict = Text("good", "bold green") if look.fit else Text("cannot be used", "bold red")
    warnings = sum(look.outcome.dataset.warnings.values()) if look.outcome.dataset else 0
    warnings += len(look.unsure)
    if look.fit and warnings:
        verdict.append(f", {warnings:,} warning{'s' if warnings > 1 else ''}", "yellow")
    return Text.assemble((str(look.path), "bold"), ": ", verdict)


def _figures(dataset: Contents, rate: float | None) -> Iterator[Text]:
    measured = f" ({rate:g} for each character, as Google measured)" if rate else ""
    rows = {
        "format": str(dataset.format),
        "examples": f"{dataset.examples:,}",
        **({"with images": f"{dataset.image_examples:,}"} if dataset.image_examples else {}),
        "characters": f"{dataset.characters:,}",
        "tokens": f"about {dataset.estimated_tokens:,}{measured}",
        "tokens to learn": f"about {dataset.completion_tokens_estimate:,}",
        "longest example": f"about {dataset.longest_example_tokens:,} tokens",
        "size": f"{dataset.size:,} bytes",
    }
    for name, value in rows.items():
        yield Text.assemble("  ", (f"{name:<17}", "dim"), value)


def _picture(look: Look, bar: str) -> Iterator[Text]:
    """A bar for each class of lengths, with each limit below the last class within it."""
    yield Text("  tokens an example", "dim")
    shortest, longest = min(look.lengths), max(look.lengths)
    most = max(look.lengths.values())
    limits = list(look.limits)
    for exponent in range(shortest, longest + 1):
        while limits and limits[0].tokens < 1 << exponent:
            yield _limit(limits.pop(0), look)
        count = look.lengths.get(exponent, 0)
        length = -(-count * _WIDTH // most)
        edge = f"up to {1 << exponent:,}"
        yield Text.assemble(
            "  ", (f"{edge:>15}  ", "dim"), (f"{bar * length:<{_WIDTH}}", "cyan"), f" {count:>9,}"
        )
    for limit in limits:
        yield _limit(limit, look)


def _limit(limit: Limit, look: Look) -> Text:
    longer = longer_than(limit.tokens, look.lengths)
    about = "at most " if limit.tokens.bit_count() > 1 else ""
    verdict = (f"{about}{longer:,} longer", "yellow") if longer else "none longer"
    edge = f"limit {limit.tokens:,}"
    return Text.assemble("  ", (f"{edge:>15}  ", "bold"), f"{limit.of}: ", verdict)


def _repeats(name: str, repeats: Repeats, where: str) -> Iterator[Text]:
    if not repeats.total:
        return
    lines_by_first: dict[int, list[int]] = {}
    for repeat in repeats.first:
        lines_by_first.setdefault(repeat.first, []).append(repeat.line)
    messages = [(lines, f"the same as line {first}{where}") for first, lines in lines_by_first.items()]
    yield from _entries(f"{Severity.WARNING} {name}", Severity.WARNING, repeats.total, messages)


def _group(outcome: Outcome, kind: FindingKind, count: int) -> Iterator[Text]:
    lines_by_message: dict[str, list[int]] = {}
    for finding in outcome.findings:
        if finding.kind is kind:
            lines = lines_by_message.setdefault(finding.message, [])
            if finding.line is not None:
                lines.append(finding.line)
    messages = [(lines, message) for message, lines in lines_by_message.items()]
    yield from _entries(f"{kind.severity} {kind}", kind.severity, count, messages)


def _entries(
    title: str, severity: Severity, count: int, messages: Iterable[tuple[list[int], str]]
) -> Iterator[Text]:
    """The title with its count, then each message once with its line numbers."""
    yield Text.assemble("  ", (title, _STYLES[severity]), f" ({count:,})")
    kept = 0
    for lines, message in messages:
        kept += max(len(lines), 1)
        yield Text.assemble("    ", (_where(lines), "dim"), message)
    if count > kept:
        yield Text(f"    and {count - kept:,} more", "dim")


def _where(lines: list[int]) -> str:
    if not lines:
        return ""
    return f"{'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines))}: "
