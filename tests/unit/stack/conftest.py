"""Files of training data, right and wrong."""

from pathlib import Path

import pytest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "good.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "mixed.jsonl").write_text(
        '{"prompt": "a", "completion": "b"}\n{"messages": [{"role": "user", "content": "a"}, '
        '{"role": "assistant", "content": "b"}]}\n'
    )
    (tmp_path / "broken.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt": \n')
    (tmp_path / "role.jsonl").write_text(
        '{"messages": [{"role": "robot", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
    )
    (tmp_path / "unanswered.jsonl").write_text('{"messages": [{"role": "user", "content": "a"}]}\n')
    (tmp_path / "number.jsonl").write_text('{"prompt": 3, "completion": "b"}\n')
    (tmp_path / "latin1.jsonl").write_bytes('{"prompt": "é", "completion": "b"}\n'.encode("latin-1"))
    (tmp_path / "pointer.jsonl").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"
    )
    return tmp_path
