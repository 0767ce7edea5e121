"""A tuned model beside its base: which one that is, and what it says by itself.

Managed models are asked in OpenAI's form, for which Google has no typed client over REST.
"""

from __future__ import annotations

from typing import Any

import msgspec
from google.cloud.aiplatform_v1beta1.services.model_service import ModelServiceClient

from ..catalog import tuning_locations
from ..checkpoints import output_of
from ..decoding import REFUSED
from .client import Answer
from .connection import Connection, host_of, region_of
from .errors import InvalidRequest, NotFound
from .google import connect
from .prediction import PlainJson
from .retry import CALL, looked_up


class BaseAnswer(msgspec.Struct, frozen=True):
    """What a managed model said, under which name."""

    model: str
    text: str


class _Message(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Message


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...]


_COMPLETION = msgspec.json.Decoder(_Completion)


def base_model(connection: Connection, answer: Answer) -> str:
    """The base model of the tuning whose weights gave an answer.

    Raises:
        NotFound: no tuning job of the project and region has written these weights.
        VertexError: Google refused, or did not answer.
    """
    model = answer.model.partition("@")[0]
    name = f"{model}@{answer.model_version}" if answer.model_version else model
    region, project = region_of(answer.model), answer.model.split("/")[1]
    client = connection.regional(ModelServiceClient, region)
    weights = looked_up(lambda: client.get_model(name=name, **CALL)).artifact_uri.rstrip("/")
    jobs = connect(connection).jobs
    # Weights are served in any region; those of a job at `global` were tuned in one that Google chose.
    for place in dict.fromkeys((region, *tuning_locations())):
        for job in jobs.labelled(project, place, {}) if place in tuning_locations() else ():
            if output_of(weights) == job.output_uri:
                return job.base_model
    raise NotFound(
        f"no tuning job of {project} has written the weights that answered ({weights}); name the model to "
        "compare with"
    )


def ask_managed(
    connection: Connection, project: str, region: str, model: str, prompt: str, sampling: dict[str, Any]
) -> BaseAnswer:
    """Send a prompt as a user's turn to a managed model.

    ``sampling`` has OpenAI's names: max_tokens, temperature, top_p.

    Raises:
        VertexError: the region does not serve the model, or it refuses the prompt.
    """
    address = connection.endpoint or f"https://{host_of(region)}"
    url = f"{address}/v1/projects/{project}/locations/{region}/endpoints/openapi/chat/completions"
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], **sampling}

    try:
        answer = _COMPLETION.decode(PlainJson(connection).post(url, body))
        return BaseAnswer(model, answer.choices[0].message.content or "")
    except (*REFUSED, IndexError) as error:
        raise InvalidRequest(f"{model} answered in a form that is not OpenAI's") from error
