"""Online prediction on endpoints."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from typing import NamedTuple, TypeVar

from starlette.responses import JSONResponse, Response, StreamingResponse

from vertex_emulator import prediction
from vertex_emulator.api.common import Json, scope
from vertex_emulator.api.hosts import asked_endpoint, longest_answer
from vertex_emulator.api.routing import Call, Route, streams
from vertex_emulator.catalog import MANAGED_MODELS
from vertex_emulator.containers import weights_read
from vertex_emulator.predictor import BaseWeights
from vertex_emulator.registry import resolve
from vertex_emulator.store.resources import Record
from vertex_emulator.traffic import choose
from vertex_emulator.weights import Weights, find_weights
from vertex_emulator.wire.errors import ApiError, invalid, not_found, precondition, unimplemented
from vertex_emulator.wire.proto import parse

Answer = TypeVar("Answer")
MAX_INSTANCES = 64
MANAGED_ENDPOINT = "openapi"
"""The endpoint id of managed models, one of which the request's `model` names."""


class Target(NamedTuple):
    """The deployed model that answers a request."""

    deployed: Json
    model: Record
    weights: Weights


def choose_target(call: Call, record: Record) -> Target:
    """Pick a deployed model of the endpoint by the traffic split.

    Raises:
        ApiError: FAILED_PRECONDITION when none has traffic, RESOURCE_EXHAUSTED when no replica runs,
            UNIMPLEMENTED for a publisher's model, whose weights are not here.
    """
    chosen = choose(record.body.get("trafficSplit", {}), random.random())  # noqa: S311
    if chosen is None:
        raise precondition(f"Endpoint {record.name} has no deployed model that receives traffic.")
    deployed = next(item for item in record.body["deployedModels"] if item["id"] == chosen)
    model = resolve(call.service, f"{deployed['model']}@{deployed['modelVersionId']}")
    if "artifactUri" not in model.body:
        name = model.body["baseModelSource"]["modelGardenSource"]["publicModelName"]
        raise unimplemented(f"Prediction with {name}, whose weights Google keeps,")
    if not call.service.replicas.answers(deployed, call.service.now(), call.service.settings.speed.deploy_s):
        raise ApiError(
            8, "Model is not yet ready for inference. Please wait and then try your request again."
        )
    # Like vLLM, it reads the weights of its `--model`, even if the deployed model has others.
    uri = weights_read(model.body.get("containerSpec", {}), model.body["artifactUri"])
    return Target(deployed, model, find_weights(call.service.store, uri, "artifact_uri"))


def _asked(instances: list[object], parameters: Json) -> list[prediction.Asked]:
    if len(instances) > MAX_INSTANCES:
        raise invalid(f"{len(instances)} instances are given, at most {MAX_INSTANCES} are allowed.")
    return [prediction.asked(instance, parameters) for instance in instances]


async def predict(call: Call) -> Response:
    """Answer every instance of a request."""
    endpoint = asked_endpoint(call)
    request = parse(call.version, "PredictRequest", call.payload)
    instances, parameters = request["instances"], request.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise invalid("parameters must be an object.")
    asked = _asked(instances, parameters)
    target = choose_target(call, endpoint)
    answers = await _in_time(call, endpoint, call.service.predictor.predict(target.weights, asked))
    return JSONResponse(
        {
            "predictions": answers,
            "deployedModelId": target.deployed["id"],
            "model": target.model.body["name"],
            "modelDisplayName": target.model.body["displayName"],
            "modelVersionId": target.model.body["versionId"],
        }
    )


async def raw_predict(call: Call) -> Response:
    """Pass `{"instances": [...]}` on to the container as it is; the answer's headers name the models."""
    endpoint = asked_endpoint(call)
    payload = call.payload or {}
    instances, parameters = payload.get("instances"), payload.get("parameters", {})
    if not isinstance(instances, list) or not isinstance(parameters, dict):
        raise invalid("The container takes an object with instances (a list) and parameters (an object).")
    asked = _asked(instances, parameters)
    target = choose_target(call, endpoint)
    answers = await _in_time(call, endpoint, call.service.predictor.predict(target.weights, asked))
    headers = {
        "X-Vertex-AI-Endpoint-Id": call.params["endpoint"],
        "X-Vertex-AI-Deployed-Model-Id": target.deployed["id"],
        "X-Vertex-AI-Model": target.model.body["name"],
        "X-Vertex-AI-Model-Version-Id": target.model.body["versionId"],
    }
    return JSONResponse({"predictions": answers}, headers=headers)


async def chat_completions(call: Call) -> Response:
    """OpenAI's chat completions: of a deployed model, or of a managed one on the endpoint `openapi`."""
    managed = call.params["endpoint"] == MANAGED_ENDPOINT and not call.dedicated
    endpoint = None if managed else asked_endpoint(call)
    question = prediction.chat(call.payload or {})
    if endpoint is None:
        scope(call)
        check_managed(question.model)
        weights: Weights | BaseWeights = BaseWeights()
    else:
        weights = choose_target(call, endpoint).weights
    if question.stream:
        until = asyncio.get_running_loop().time() + longest_answer(call, endpoint)
        pieces = await _in_time(call, endpoint, call.service.predictor.stream(weights, question))
        return StreamingResponse(_cut(pieces, until), media_type="text/event-stream")
    asked = call.service.predictor.predict(weights, [question])
    (completion,) = await _in_time(call, endpoint, asked)
    return JSONResponse(completion)


async def _in_time(call: Call, endpoint: Record | None, answer: Awaitable[Answer]) -> Answer:
    """The answer, if it comes within the time that the endpoint allows. Raises DEADLINE_EXCEEDED."""
    try:
        async with asyncio.timeout(longest_answer(call, endpoint)):
            return await answer
    except TimeoutError:
        raise ApiError(4, "Deadline expired before operation could complete.") from None


async def _cut(pieces: AsyncIterator[bytes], until: float) -> AsyncIterator[bytes]:
    """The pieces of a streamed answer that come in time."""
    async for piece in pieces:
        if asyncio.get_running_loop().time() > until:
            return
        yield piece


def check_managed(name: str) -> None:
    """Refuse what is no managed model, and those whose weights Google keeps. Raises ApiError."""
    if not name:
        raise invalid("Required field is not set: model")
    if name in MANAGED_MODELS:
        return
    if name.endswith("-maas"):
        raise unimplemented(f"Chat with {name}, which is no base model of tuning,")
    raise not_found(f"Publisher model '{name}'")


_SERVICE = "google.cloud.aiplatform.PredictionService"
_ONE = "/{version}/projects/{project}/locations/{location}/endpoints/{endpoint}"
ROUTES: tuple[Route, ...] = (
    streams("POST", f"{_ONE}:predict", f"{_SERVICE}.Predict", predict, body=True),
    streams("POST", f"{_ONE}:rawPredict", f"{_SERVICE}.RawPredict", raw_predict, body=True),
    streams("POST", f"{_ONE}/chat/completions", f"{_SERVICE}.ChatCompletions", chat_completions, body=True),
)
