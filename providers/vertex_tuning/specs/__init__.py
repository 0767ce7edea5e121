"""What a user declares, as frozen models that cannot hold a mistake that can be seen offline.

Every rule that needs no network lives here or in ``catalog``; the same models check a stack's
configuration, the component's arguments and the resources' inputs. Rules over several keys hang on
the last of them, not on the whole model: so they are heard even when another key is wrong too.
"""

from .containers import Container
from .fields import (
    Checkpoints,
    CheckpointsChoice,
    Count,
    CountOrZero,
    DataSource,
    EndpointName,
    FormerStack,
    GcsUri,
    KmsKey,
    LabelKey,
    Labels,
    Mode,
    ModelId,
    Place,
    ProjectId,
    ProjectIds,
    Region,
    Retrain,
    RetrainChoice,
    Reuse,
    ReuseChoice,
    Rollout,
    RolloutChoice,
    ServiceAccount,
    Spec,
    Text,
    Texts,
    TuningJobName,
    TuningLocation,
    is_gcs,
    is_local,
)
from .machines import FlexStart, Machine, Scaling
from .proving import Canary, Evaluation, Match, seconds
from .service import FromStack, ServiceSpec
from .serving import RequestResponseLogging, ServingSpec
from .shape import Shape
from .tuning import HyperParameters, Retry, TuningSpec

__all__ = [
    "Canary",
    "Checkpoints",
    "CheckpointsChoice",
    "Container",
    "Count",
    "CountOrZero",
    "DataSource",
    "EndpointName",
    "Evaluation",
    "FlexStart",
    "FormerStack",
    "FromStack",
    "GcsUri",
    "HyperParameters",
    "KmsKey",
    "LabelKey",
    "Labels",
    "Machine",
    "Match",
    "Mode",
    "ModelId",
    "Place",
    "ProjectId",
    "ProjectIds",
    "Region",
    "RequestResponseLogging",
    "Retrain",
    "RetrainChoice",
    "Retry",
    "Reuse",
    "ReuseChoice",
    "Rollout",
    "RolloutChoice",
    "Scaling",
    "ServiceAccount",
    "ServiceSpec",
    "ServingSpec",
    "Shape",
    "Spec",
    "Text",
    "Texts",
    "TuningJobName",
    "TuningLocation",
    "TuningSpec",
    "is_gcs",
    "is_local",
    "seconds",
]
