"""Adapt a model's serving container (ModelContainerSpec in JSON) to other weights and machines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

_URI = r"gs://[^\s'\",;]+"
_MODEL = re.compile(rf"(--model(?:[= ]+))({_URI})")
_PARALLEL = re.compile(r"(--(?:tensor-parallel-size|tensor_parallel_size|tp-size|tp)(?:[= ]+))(\d+)")
_ANY = re.compile(_URI)
_SEPARATE = {"--model": "weights", "--tensor-parallel-size": "count", "-tp": "count", "--tp": "count"}
"""Options whose value may be the next argument."""


def fitted(
    container: Json, *, weights: str, accelerators: int, copied_from: str | None = None
) -> dict[str, Any]:
    """The container for these weights on a machine with so many accelerators.

    Args:
        container: Vertex AI's recommendation, or another model's container.
        weights: folder of the weights to serve.
        accelerators: accelerators to divide the model among.
        copied_from: for a copy, the folder of the other model's weights.

    Raises:
        ValueError: it would still read other weights.
    """
    json = dict(container)
    for key in ("command", "args"):
        if json.get(key):
            json[key] = list(_arguments(json[key], weights, accelerators, copied_from))
    if json.get("env"):
        json["env"] = [_variable(variable, weights, copied_from) for variable in json["env"]]
    left = [uri for uri in _uris(json) if not _below(uri, weights)]
    if copied_from is not None and left:
        raise ValueError(
            f"the copied container reads {', '.join(left)}, another model's weights; set serving.container"
        )
    return json


def fixed_weights(container: Json) -> Iterator[str]:
    """The folders of weights in a container's own ``--model`` and ``MODEL_ID``."""
    for key in ("command", "args"):
        arguments = [str(each) for each in container.get(key) or ()]
        for before, argument in zip(["", *arguments], arguments, strict=False):
            yield from (found[2] for found in _MODEL.finditer(argument))
            if before == "--model" and argument.startswith("gs://"):
                yield argument
    for variable in container.get("env") or ():
        if _names_weights(variable):
            yield str(variable["value"])


def _arguments(
    arguments: Sequence[str], weights: str, accelerators: int, copied_from: str | None
) -> Iterator[str]:
    before = ""
    for argument in arguments:
        means = _SEPARATE.get(before)
        before = argument
        if means == "weights" and argument.startswith("gs://"):
            yield weights
        elif means == "count" and argument.isdigit():
            yield str(accelerators)
        else:
            text = _moved(argument, weights, copied_from)
            text = _MODEL.sub(lambda found: found[1] + weights, text)
            yield _PARALLEL.sub(lambda found: f"{found[1]}{accelerators}", text)


def _variable(variable: Json, weights: str, copied_from: str | None) -> dict[str, Any]:
    if "value" not in variable:
        return dict(variable)
    moved = _moved(str(variable["value"]), weights, copied_from)
    return {**variable, "value": weights if _names_weights(variable) else moved}


def _names_weights(variable: Json) -> bool:
    return "MODEL" in str(variable.get("name", "")).upper() and str(variable.get("value", "")).startswith(
        "gs://"
    )


def _moved(text: str, weights: str, copied_from: str | None) -> str:
    """The text with every occurrence of the old folder replaced."""
    if not copied_from:
        return text
    return re.sub(rf"{re.escape(copied_from.rstrip('/'))}(?=/|$|[\s'\",;])", lambda _: weights, text)


def _uris(json: Json) -> Iterator[str]:
    values = (variable.get("value", "") for variable in json.get("env") or ())
    for text in (*(json.get("command") or ()), *(json.get("args") or ()), *values):
        yield from _ANY.findall(str(text))


def _below(uri: str, folder: str) -> bool:
    return f"{uri.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
