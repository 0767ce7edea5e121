"""Asking a served model, through Google's client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud.aiplatform_v1beta1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1beta1.services.prediction_service import PredictionServiceClient
from google.cloud.aiplatform_v1beta1.types import PredictRequest
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Value

from .client import Answer
from .connection import Connection, region_of
from .retry import CALL, looked_up

# The first requests after a deployment take long (tuning guide).
TIMEOUT = 300.0


def predict(connection: Connection, endpoint: str, instances: Sequence[Mapping[str, Any]]) -> Answer:
    """Send instances to an endpoint, given by its full resource name.

    Raises:
        VertexError: there is no such endpoint, nothing serves on it, or it refuses the instances.
    """
    region = region_of(endpoint)
    found = looked_up(
        lambda: connection.regional(EndpointServiceClient, region).get_endpoint(name=endpoint, **CALL)
    )
    # A dedicated endpoint answers under its own address only.
    dedicated = found.dedicated_endpoint_dns if found.dedicated_endpoint_enabled else ""
    client = (
        connection.at(PredictionServiceClient, dedicated)
        if dedicated
        else connection.regional(PredictionServiceClient, region)
    )
    values = [ParseDict(dict(instance), Value()) for instance in instances]
    request = PredictRequest(endpoint=endpoint)
    request.instances.extend(values)
    answer = looked_up(lambda: client.predict(request, timeout=TIMEOUT, retry=None))
    return Answer(
        predictions=tuple(MessageToDict(value) for value in type(answer).pb(answer).predictions),
        deployed_model_id=answer.deployed_model_id,
        model=answer.model,
        model_version=answer.model_version_id,
    )
