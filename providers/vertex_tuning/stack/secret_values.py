"""Refuse secret values in a stack's configuration, each with its path: a program gets them decrypted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from ..problems import Problem
from .files import BadFile, read_mapping
from .layers import own_values

NO_SECRETS = (
    "has a secret value, and it would be written in plain text into the state, its history and reports; "
    "set the value without `--secret` if it is not a secret; put secrets into Secret Manager: a "
    "container gets the secret's name as a plain value and reads it"
)


def secret_problems(keys: Collection[str], stack_file: Path) -> list[Problem]:
    """One problem for each secret value.

    Args:
        keys: the keys below ``vertex-tuning:`` that hold one somewhere; the engine names no more than these.
        stack_file: where the engine writes each as a mapping ``secure``; without it, the key is named.
    """
    if not keys:
        return []
    try:
        config = read_mapping(stack_file).get("config")
    except BadFile:
        config = None
    written = own_values(config) if isinstance(config, dict) else {}
    places = (place for key in sorted(keys) for place in [*_secure(written.get(key), key)] or [key])
    return [Problem(place, NO_SECRETS) for place in places]


def _secure(value: object, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        if value.keys() == {"secure"}:
            yield at
            return
        for key, each in value.items():
            yield from _secure(each, f"{at}.{key}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _secure(each, f"{at}[{index}]")
