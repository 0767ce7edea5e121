"""Text of a certain form: a pattern for editors, words for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class Shape:
    """Annotates a text field; what does not have the form is refused in words, not with the pattern.

    Attributes:
        pattern: the whole text, as a JSON Schema says it.
        words: what the text must be, after ``must be``.
    """

    pattern: str
    words: str

    def check(self, value: str) -> str:
        """The text itself, if it has the form."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"must be {self.words}, not {value!r}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern}
