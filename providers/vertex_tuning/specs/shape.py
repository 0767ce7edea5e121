"""Text with a pattern for editors and a description for messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Shape:
    """An annotation of a text field, whose error uses the description instead of the pattern.

    Attributes:
        pattern: a regular expression for the whole text, as in JSON Schema.
        words: the description, after ``must be``.
    """

    pattern: str
    words: str

    def check(self, value: str) -> str:
        """The text, if it matches."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be {self.words}, not {value!r}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern}
