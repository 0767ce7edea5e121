"""What a closer look tells: how long examples are, and which are there twice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dataset.examples import GOOD_CHAT, GOOD_PAIR, jsonl, written
from vertex_tuning.dataset import Digests, Repeat, Repeats, estimate_tokens, longer_than, survey
from vertex_tuning.dataset import digests as module
from vertex_tuning.dataset.lengths import length_classes


@pytest.mark.parametrize(
    ("characters", "exponent"), [(0, 0), (1, 0), (4, 0), (5, 1), (8, 1), (9, 2), (16384, 12), (16385, 13)]
)
def test_the_limits_of_models_are_edges_of_classes(characters: int, exponent: int) -> None:
    """Four characters make a token, and 4,096 and 8,192 tokens are powers of two."""
    assert length_classes([characters]) == {exponent: 1}


@given(st.lists(st.integers(0, 1 << 20)), st.integers(0, 14))
def test_how_many_are_longer_is_exact(characters: list[int], exponent: int) -> None:
    longer = [size for size in characters if estimate_tokens(size) > 1 << exponent]
    assert longer_than(1 << exponent, length_classes(characters)) == len(longer)


def test_the_same_example_is_found_however_it_is_written(tmp_path: Path) -> None:
    lines = [
        jsonl(GOOD_PAIR),
        jsonl({**GOOD_PAIR, "completion": "Another."}),
        jsonl({"id": 7, **GOOD_PAIR}),  # another key beside it
        b"\n",
        jsonl(dict(reversed(GOOD_PAIR.items()))),  # another order
        b"no\n",
        jsonl(GOOD_PAIR).replace(b"?", b"\\u003f").strip(),  # another spelling, and no line end
    ]
    found = survey(written(tmp_path / "train.jsonl", b"".join(lines)))
    assert found.digests.repeats() == Repeats(3, (Repeat(3, 1), Repeat(5, 1), Repeat(7, 1)))


def test_turns_of_another_role_are_another_example(tmp_path: Path) -> None:
    turns = [GOOD_CHAT["messages"][1], GOOD_CHAT["messages"][2]]
    other = [{**turns[0], "role": "assistant"}, turns[1]]
    path = written(tmp_path / "train.jsonl", jsonl({"messages": turns}, {"messages": other}))
    assert survey(path).digests.repeats() == Repeats()


numbers = st.lists(st.integers(0, 5), max_size=60)  # 0 stands for a line without an example


def digests(values: list[int]) -> Digests:
    """Handed over in two parts, as lines of a file are."""
    made = Digests()
    for start, end in ((0, len(values) // 2), (len(values) // 2, len(values))):
        part = values[start:end]
        made.add(b"".join(value.to_bytes(8, "little") for value in part), start, sum(map(bool, part)))
    return made


def searched(values: list[int], others: list[int], *, before: bool) -> Repeats:
    """What a plain search finds in the others, or in the values further up."""
    pairs = [
        Repeat(line, others.index(value) + 1)
        for line, value in enumerate(values, 1)
        if value and value in (others[: line - 1] if before else others)
    ]
    return Repeats(len(pairs), tuple(pairs[:20]))


@given(numbers, numbers)
def test_repeats_are_those_that_a_plain_search_finds(values: list[int], others: list[int]) -> None:
    assert digests(values).repeats() == searched(values, values, before=True)
    assert digests(values).repeats_from(digests(others)) == searched(values, others, before=False)


@given(numbers, numbers)
def test_so_they_are_in_large_files(values: list[int], others: list[int]) -> None:
    """Those lie on disk, and are looked at in groups."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "IN_MEMORY_BYTES", 40)
        patch.setattr(module, "GROUP_LINES", 4)
        patch.setattr(module, "BLOCK_BYTES", 64)
        assert digests(values).repeats() == searched(values, values, before=True)
        assert digests(values).repeats_from(digests(others)) == searched(values, others, before=False)
