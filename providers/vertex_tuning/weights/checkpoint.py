"""Check a Hugging Face folder: its model files, and all problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..catalog import BaseModel
from ..decoding import REFUSED
from ..problems import Problem
from .architecture import compared, differences, lacking, unlike
from .safetensors import Tensor, Unreadable, read_header

CONFIG, INDEX, SINGLE = "config.json", "model.safetensors.index.json", "model.safetensors"
ADAPTER = "adapter_config.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model")
TOKENIZER_CONFIG = "tokenizer_config.json"
BESIDE = (".json", ".txt", ".model", ".jinja")
"""Endings of the small files that belong to a model: configurations, tokenizer, chat template."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_MAX_TEXT = 100_000_000


class File(msgspec.Struct, frozen=True):
    """A file of the checkpoint; ``size`` in bytes."""

    path: Path
    size: int

    @property
    def name(self) -> str:
        """Its name, in the folder and in the bucket."""
        return self.path.name


class Checkpoint(msgspec.Struct, frozen=True):
    """A valid folder.

    Attributes:
        files: the model's files; config.json is last, so that an incomplete upload is not a model.
        left_out: names of files that are not part of it.
        compared: what was compared, as text.
    """

    files: tuple[File, ...]
    left_out: tuple[str, ...]
    compared: str

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


def examine(folder: Path, base: BaseModel, *, embedded: bool) -> tuple[Checkpoint | None, list[Problem]]:
    """Check a folder. The checkpoint is set exactly when there are no problems.

    Tensors are not read: header and size show whether a file is complete.
    """
    if not folder.is_dir():
        return None, [Problem(str(folder), "is not a folder")]
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    problems = [*_unwanted(names), *_tokenizer(names)]
    config, wrong = _json(folder / CONFIG)
    problems += wrong
    shards, broken = _shards(folder, names)
    tensors: dict[str, tuple[str, Tensor]] = {}
    for name, listed in shards.items():
        found, wrong = _shard(folder / name, listed)
        broken += wrong
        tensors |= {tensor: (name, found[tensor]) for tensor in found}
    problems += broken
    other = list(differences(config, base, embedded=embedded)) if config else []
    problems += other
    if config and not other:
        problems += unlike(config, tensors)
        problems += [] if broken else lacking(config, tensors)
    if problems:
        return None, problems
    small = [name for name in names if name.endswith(BESIDE) and name != CONFIG]
    kept = [*shards, *small, CONFIG]
    files = tuple(File(folder / name, (folder / name).stat().st_size) for name in kept)
    left_out = sorted({entry.name for entry in folder.iterdir()} - set(kept))
    return Checkpoint(files, tuple(left_out), compared(config, base)), []


def _unwanted(names: list[str]) -> Iterator[Problem]:
    for name in names:
        if name.endswith(PICKLES):
            yield Problem(
                name,
                "is a pickle, which runs code when loaded. Remove it, or save safetensors",
            )
    if ADAPTER in names:
        yield Problem(ADAPTER, "this is a LoRA adapter; merge it into its base model and save that")


def _tokenizer(names: list[str]) -> Iterator[Problem]:
    if not set(TOKENIZERS) & set(names):
        yield Problem(" or ".join(TOKENIZERS), "is missing")
    if TOKENIZER_CONFIG not in names:
        yield Problem(TOKENIZER_CONFIG, "is missing")


def _json(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    try:
        if path.stat().st_size > _MAX_TEXT:
            return {}, [Problem(path.name, f"is larger than {_MAX_TEXT:,} bytes")]
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]), []
    except FileNotFoundError:
        return {}, [Problem(path.name, "is missing")]
    except (OSError, *REFUSED) as error:
        return {}, [Problem(path.name, f"cannot be read: {error}")]


def _shards(folder: Path, names: list[str]) -> tuple[Mapping[str, set[str] | None], list[Problem]]:
    """The files of tensors, each with the tensors that the index puts there; ``None`` without an index."""
    if INDEX not in names:
        if SINGLE in names:
            return {SINGLE: None}, []
        return {}, [Problem(f"{SINGLE} or {INDEX}", "is missing")]
    index, problems = _json(folder / INDEX)
    listed = index.get("weight_map")
    if not isinstance(listed, dict) or not listed:
        return {}, problems or [Problem(INDEX, "has no weight_map")]
    shards: dict[str, set[str]] = {}
    for tensor, name in listed.items():
        if not isinstance(name, str) or name != Path(name).name or not name.endswith(".safetensors"):
            return {}, [Problem(INDEX, f"puts {tensor} into {name!r}, no safetensors file beside it")]
        shards.setdefault(name, set()).add(tensor)
    missing = [Problem(name, f"is missing, and {INDEX} names it") for name in shards if name not in names]
    return {name: tensors for name, tensors in shards.items() if name in names}, missing


def _shard(path: Path, listed: set[str] | None) -> tuple[dict[str, Tensor], list[Problem]]:
    try:
        tensors = read_header(path)
    except (OSError, Unreadable) as error:
        return {}, [Problem(path.name, str(error))]
    odd = sorted(listed ^ tensors.keys()) if listed is not None else []
    if listed is None or not odd:
        return tensors, []
    where = "is not in it" if odd[0] in listed else f"is in it, and {INDEX} does not say so"
    more = f", and {len(odd) - 1} more" if odd[1:] else ""
    return tensors, [Problem(path.name, f"{odd[0]} {where}{more}")]
