"""What msgspec decodes has its decoder made by the import: types that threads are the first to use crash it."""

import ast
from pathlib import Path

import vertex_tuning


def test_no_call_makes_a_decoder_of_its_own() -> None:
    """The provider's process works with 64 threads: a type that several use for the first time is a segfault."""
    [folder] = vertex_tuning.__path__
    found = [
        f"{path.name}:{call.lineno}"
        for path in Path(folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "decode"
        for keyword in call.keywords
        if keyword.arg == "type" and isinstance(keyword.value, ast.Name | ast.BinOp)
    ]
    assert found == [], "write a Decoder beside the type"
