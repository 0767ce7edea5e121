"""What Google's documentation marks as required is required here, or has a reason not to be."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import aiplatform_v1, aiplatform_v1beta1

from vertex_emulator.wire.errors import ApiError
from vertex_emulator.wire.proto import MODULES, Version, parse
from vertex_emulator.wire.required import REQUIRED

PACKAGES: dict[Version, Any] = {Version.V1: aiplatform_v1, Version.V1BETA1: aiplatform_v1beta1}
IN_THE_PATH = {"parent", "destination", "endpoint", "name"}
"""Of a request: its address says it."""
EXEMPT = {
    ("DedicatedResources", "min_replica_count"): "`machines` asks for it: 0 is not on the wire",
    ("EnvVar", "value"): "an empty value and none are the same on the wire",
    (
        "PrivateServiceConnectConfig",
        "enable_private_service_connect",
    ): "false and none are the same on the wire",
    ("Model", "display_name"): "`models` asks for it: an update may leave it out",
    ("MutateDeployedModelRequest", "deployed_model"): "`deployments` asks for it",
    ("MutateDeployedModelRequest", "update_mask"): "`deployments` asks for it",
}
NOT_SERVED = {
    "Content": "prompts of Gemini",
    "DistillationSpec": "`distillation` reads it: the published type does not know all of it",
    "TensorboardRun": "answers only",
    "TensorboardTensor": "answers only",
    "TensorboardTimeSeries": "answers only",
    "TimeSeriesData": "answers only",
    "EvaluationConfig": "evaluation of Gemini",
    "EvaluateDatasetRun": "evaluation of Gemini",
    "FullFineTunedResources": "deployed models have dedicated resources here",
    "PartnerModelTuningSpec": "tuning of partners' models",
    "VeoTuningSpec": "tuning of Veo",
    "VeoLoraTuningSpec": "tuning of Veo",
    "PreferenceOptimizationSpec": "tuning of Gemini",
}  # fmt: skip
"""Messages that only requests hold which are refused, or whose fields are not kept."""
_FIELD = re.compile(
    r"^    (\w+) \([^\n]*?(?:\n[^\n]*?)?\):\n((?:        [^\n]*(?:\n|$)|\s*\n)*)", re.MULTILINE
)


def documented(version: Version) -> dict[str, str]:
    """Message name → its documentation."""
    found: dict[str, str] = {}

    def take(holder: Any) -> None:
        for value in vars(holder).values():
            if inspect.isclass(value) and hasattr(value, "pb") and value.__doc__:
                full_name = value.pb().DESCRIPTOR.full_name
                if full_name not in found:
                    found[full_name] = inspect.getdoc(value) or ""
                    take(value)

    types = PACKAGES[version].types
    for module in pkgutil.iter_modules(types.__path__):
        take(importlib.import_module(f"{types.__name__}.{module.name}"))
    return found


def reachable(version: Version) -> Iterator[Any]:
    """The messages that a request can hold."""
    types = PACKAGES[version]
    waiting = [getattr(types, name).pb().DESCRIPTOR for name in MODULES if hasattr(types, name)]
    seen: set[str] = set()
    while waiting:
        message = waiting.pop()
        if message.full_name not in seen and message.name not in NOT_SERVED:
            seen.add(message.full_name)
            yield message
            waiting += [field.message_type for field in message.fields if field.message_type is not None]


@pytest.mark.parametrize("version", Version)
def test_every_required_field_is_asked_for(version: Version) -> None:
    documents, missing = documented(version), set()
    for message in reachable(version):
        for name, text in _FIELD.findall(documents.get(message.full_name, "")):
            path = message.name.endswith("Request") and name in IN_THE_PATH
            asked = name in REQUIRED.get(message.name, ()) or (message.name, name) in EXEMPT or path
            if text.strip().startswith("Required.") and not asked:
                missing.add((message.name, name))

    assert missing == set()


INCOMPLETE: dict[str, tuple[str, dict[str, Any], str]] = {
    "a metric without a name": (
        "DeployModelRequest",
        {
            "deployedModel": {
                "dedicatedResources": {"machineSpec": {}, "autoscalingMetricSpecs": [{"target": 50}]}
            }
        },
        "autoscaling_metric_specs.metric_name",
    ),
    "a variable without a name": (
        "UploadModelRequest",
        {"model": {"containerSpec": {"imageUri": "i", "env": [{"value": "x"}]}}},
        "env.name",
    ),
    "a reservation of no type": (
        "DeployModelRequest",
        {"deployedModel": {"dedicatedResources": {"machineSpec": {"reservationAffinity": {"key": "k"}}}}},
        "reservation_affinity_type",
    ),
}


@pytest.mark.parametrize("reason", INCOMPLETE)
def test_what_lacks_a_required_field_is_refused(reason: str) -> None:
    name, body, field = INCOMPLETE[reason]

    with pytest.raises(ApiError) as refused:
        parse(Version.V1BETA1, name, body)

    assert field in refused.value.message
