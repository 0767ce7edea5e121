"""Headers of safetensors files whose tensors cannot lie as they say."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from vertex_tuning.weights.safetensors import Unreadable, read_header

GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "on another": ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "end at 8"),
    "the same bytes": ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "end at 8"),
    "after a gap": ({"dtype": "F32", "shape": [2], "data_offsets": [12, 20]}, "end at 8"),
    "backwards": ({"dtype": "F32", "shape": [2], "data_offsets": [8, 4]}, "end at 8"),
    "an unknown type": ({"dtype": "Q4_K", "shape": [2], "data_offsets": [8, 16]}, "'Q4_K'"),
    "too few bytes for its shape": (
        {"dtype": "F32", "shape": [3], "data_offsets": [8, 16]},
        "do not hold 3 numbers",
    ),
    "too many": (
        {"dtype": "BF16", "shape": [1, 2], "data_offsets": [8, 16]},
        "do not hold 1 x 2 numbers of BF16",
    ),
    "nothing of something": ({"dtype": "U8", "shape": [1], "data_offsets": [8, 8]}, "in 0 bytes"),
    "a negative size": ({"dtype": "F32", "shape": [-1, -2], "data_offsets": [8, 16]}, "do not hold"),
    "no type": ({"dtype": "", "shape": [2], "data_offsets": [8, 16]}, "''"),
}


def written(path: Path, **tensors: dict[str, Any]) -> Path:
    header = json.dumps(tensors).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 16)
    return path


@pytest.mark.parametrize(("second", "why"), WRONG.values(), ids=WRONG)
def test_it_is_refused(tmp_path: Path, second: dict[str, Any], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_header(written(tmp_path / "model.safetensors", a=GOOD, b=second))


def test_one_after_the_other_is_right_in_any_order(tmp_path: Path) -> None:
    after = {"dtype": "I64", "shape": [], "data_offsets": [8, 16]}
    assert set(read_header(written(tmp_path / "model.safetensors", b=after, a=GOOD))) == {"a", "b"}
