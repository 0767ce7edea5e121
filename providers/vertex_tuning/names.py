"""Full resource names, types and console pages: how Google and Pulumi write them, stated once."""

from __future__ import annotations

import hashlib
import re

LABEL_PREFIX = "vertex-tuning-"
"""Begins every label of ours."""
OWNER_LABEL = f"{LABEL_PREFIX}owner"
FINGERPRINT_LABEL = f"{LABEL_PREFIX}fingerprint"
TYPES = "pulumi-python:dynamic/vertex:"
"""Begins the type of every resource of ours in a state; its kind follows."""
COMPONENT = "vertex-tuning:index:TunedModelService"
"""The type of a service in a state."""
CONSOLE = "https://console.cloud.google.com/vertex-ai"


PREFIX = "vt-"
"""Begins every id that we choose."""


def ours(name: str) -> bool:
    """Whether an endpoint or model has an id that we chose; labels come a moment after it."""
    return name.rsplit("/", 1)[-1].startswith(PREFIX)


def bucket(uri: str) -> str:
    """The name of the bucket in a ``gs://`` URI."""
    return uri.removeprefix("gs://").partition("/")[0]


def copied(output_uri: str, uri: str, generation: str) -> str:
    """Where the copy of one generation of a user's object lies, for tunings to read."""
    return f"{output_uri}/datasets/{hashlib.sha256(uri.encode()).hexdigest()[:16]}-{generation}.jsonl"


def is_copy(copy: str, uri: str) -> bool:
    """Whether it is such a copy of this object, in whatever generation and below whatever folder."""
    generation = generation_of(copy)
    return generation is not None and copy == copied(copy.rsplit("/", 2)[0], uri, generation)


def generation_of(copy: str) -> str | None:
    """The generation that such a copy is of; ``None`` for other objects."""
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
"""Begins the keys of the claims of all services."""
DEPLOYED_MODELS = "DeployedModel/"
"""Begins the keys of the claims of all deployments."""


def claims_of_models(project: str, region: str) -> str:
    """Where the claims of a place's deployments are, below ``.claims``."""
    return f"{DEPLOYED_MODELS}projects/{project}/locations/{region}/models"


def readiness(owner: str) -> str:
    """Id of a service's readiness."""
    return f"{owner}/readiness"


def claim_of_service(owner: str) -> str:
    """The claim that a service has from its first create to its destroy: its readiness's."""
    return f"{SERVICES}{readiness(owner)}"


def bare(model_name: str) -> str:
    """A registered model's id, without its place and without ``@VERSION``."""
    return model_name.rsplit("/", 1)[1].partition("@")[0]


def endpoint_console(name: str) -> str:
    """The endpoint's page in the console."""
    _, project, _, region, _, endpoint_id = name.split("/")
    return f"{CONSOLE}/online-prediction/locations/{region}/endpoints/{endpoint_id}?project={project}"


def tuning_job_console(name: str) -> str:
    """The job's page in the console, as Google's own clients name it."""
    _, project, _, region, _, job = name.split("/")
    return f"{CONSOLE}/generative/language/locations/{region}/tuning/tuningJob/{job}?project={project}"
