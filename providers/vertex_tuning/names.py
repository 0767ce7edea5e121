"""Full resource names, ids, types and labels."""

from __future__ import annotations

import hashlib
import re

import msgspec

_PROJECT = r"(?:[a-z0-9][a-z0-9.\-]{0,62}:)?[a-z0-9][a-z0-9\-]{0,62}"
_REGION = r"[a-z]{2,20}-[a-z]{2,20}[0-9]{1,2}"
_LOCATION = rf"(?:global|{_REGION})"
_ID = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}"
_PLACE = rf"projects/{_PROJECT}/locations/{_LOCATION}"


JOB_NAME = rf"{_PLACE}/tuningJobs/{_ID}"
RESOURCE_NAME = rf"{_PLACE}/(?:tuningJobs|endpoints|models)/{_ID}(?:@{_ID})?"
OPERATION_NAME = rf"{_PLACE}/(?:(?:endpoints|models|tuningJobs)/{_ID}/)?operations/{_ID}"
PLACE_NAME = _PLACE
CONTEXT_NAME = rf"{_PLACE}/metadataStores/{_ID}/contexts/{_ID}"
TENSORBOARD_NAME = rf"{_PLACE}/tensorboards/{_ID}"
SERIES_NAME = rf"{TENSORBOARD_NAME}/experiments/{_ID}/runs/{_ID}/timeSeries/{_ID}"
GCS_NAME = r"gs://[a-z0-9][a-z0-9._\-]{1,220}[a-z0-9](?:/[^\x00-\x1f\x7f*?\[\]#]{0,1024})?"
LABEL = r"[a-z0-9_\-]{0,63}"
"""The form of a label's value."""


def whole(pattern: str) -> msgspec.Meta:
    """A constraint on a whole text; a plain pattern would match any part of it.

    It validates names from outside, because they become parts of addresses.
    """
    return msgspec.Meta(pattern=rf"\A(?:{pattern})\Z")


def location(name: str) -> str:
    """The location in a full resource name, or in the path of a call on one.

    Raises:
        ValueError: it is not such a name.
    """
    found = re.fullmatch(rf"projects/{_PROJECT}/locations/({_LOCATION})(?:[/:][A-Za-z0-9_.\-/:@]+)?", name)
    if found is None or ".." in name:
        raise ValueError(f"{name!r} is not of the form projects/PROJECT/locations/LOCATION/…")
    return found[1]


def vertex_host(place: str) -> str:
    """The host that serves Vertex AI for a region, or for ``global``.

    Raises:
        ValueError: it is not a location. The host name decides who gets the token.
    """
    if place == "global":
        return "aiplatform.googleapis.com"
    if not re.fullmatch(_REGION, place):
        raise ValueError(f"{place!r} is not a region, such as us-central1")
    return f"{place}-aiplatform.googleapis.com"


LABEL_PREFIX = "vertex-tuning-"
"""Prefix of our labels."""
OWNER_LABEL = f"{LABEL_PREFIX}owner"
FINGERPRINT_LABEL = f"{LABEL_PREFIX}fingerprint"
TYPES = "pulumi-python:dynamic/vertex:"
"""Prefix of our resource types in a state, before the kind."""
COMPONENT = "vertex-tuning:index:TunedModelService"
"""The type of a service in a state."""


PREFIX = "vt-"
"""Prefix of the ids that we choose."""


def ours(name: str) -> bool:
    """Whether an endpoint or model has an id that we chose; its labels are set later."""
    return name.rsplit("/", 1)[-1].startswith(PREFIX)


def short(text: str, length: int = 10) -> str:
    """The beginning of the text's SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def label_of(owner: str) -> str:
    """``owner`` as a label's value: readable, at most 63 characters, and still unique."""
    readable = re.sub(r"[^a-z0-9_-]+", "-", owner.lower()).strip("-")
    return f"{readable[:52]}-{short(owner)}"


def bucket(uri: str) -> str:
    """The name of the bucket in a ``gs://`` URI."""
    return uri.removeprefix("gs://").partition("/")[0]


def copied(output_uri: str, uri: str, generation: str) -> str:
    """The URI of the copy of one generation of a user's object, which tunings read."""
    return f"{output_uri}/datasets/{hashlib.sha256(uri.encode()).hexdigest()[:16]}-{generation}.jsonl"


def is_copy(copy: str, uri: str) -> bool:
    """Whether it is a copy of this object, of any generation and in any folder."""
    generation = generation_of(copy)
    return generation is not None and copy == copied(copy.rsplit("/", 2)[0], uri, generation)


def generation_of(copy: str) -> str | None:
    """The generation of such a copy; ``None`` for other objects."""
    found = re.search(r"/datasets/[0-9a-f]{16}-([0-9]+)\.jsonl$", copy)
    return found[1] if found else None


def probe(model_id: str) -> str:
    """Id of the endpoint on which a model is evaluated before it serves; at most 63 characters."""
    return f"{model_id}-eval"


def endpoint(project: str, region: str, endpoint_id: str) -> str:
    """Full resource name of an endpoint."""
    return f"projects/{project}/locations/{region}/endpoints/{endpoint_id}"


def model(project: str, region: str, model_id: str) -> str:
    """Full resource name of a registered model."""
    return f"projects/{project}/locations/{region}/models/{model_id}"


SERVICES = "Readiness/"
"""Prefix of the claim keys of services."""
DEPLOYED_MODELS = "DeployedModel/"
"""Prefix of the claim keys of deployments."""


def claims_of_models(project: str, region: str) -> str:
    """The folder of a location's deployment claims, below ``.claims``."""
    return f"{DEPLOYED_MODELS}projects/{project}/locations/{region}/models"


def readiness(owner: str) -> str:
    """Id of a service's readiness."""
    return f"{owner}/readiness"


def claim_of_service(owner: str) -> str:
    """The key of the claim that a service has from first create to destroy: its readiness's."""
    return f"{SERVICES}{readiness(owner)}"


ENDPOINTS = "Endpoint/"
"""Prefix of the claim keys of endpoints."""


def beside(name: str, other: str) -> str:
    """``name`` with the id of ``other``, which may use the project's number."""
    return f"{name.rpartition('/')[0]}/{other.rpartition('/')[2]}"


def bare(model_name: str) -> str:
    """A registered model's id, without location and ``@VERSION``."""
    return model_name.rsplit("/", 1)[-1].partition("@")[0]
