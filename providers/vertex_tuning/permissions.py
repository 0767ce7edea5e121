"""Who has to be allowed what, and why: each permission once, with the calls that need it.

``docs/permissions.md`` and the roles in ``docs/roles`` are made from this. A test drives whole stacks
against the embedded Vertex AI and holds the calls that were made against the calls that are named here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec


class Role(enum.StrEnum):
    """A custom role, by its id; what it is for is ``meaning``."""

    DEPLOYER = "vertexTuningDeployer"
    BUCKET = "vertexTuningBucket"
    PREREQUISITES = "vertexTuningPrerequisites"
    CALLER = "vertexTuningCaller"

    @property
    def meaning(self) -> str:
        """Who gets it, and on what."""
        return {
            Role.DEPLOYER: "whoever runs pulumi, reconcile and doctor; on the project",
            Role.BUCKET: "whoever runs pulumi or pushes weights, in addition; on the output bucket alone",
            Role.PREREQUISITES: "whoever runs a stack with `manage`, in addition; on the project",
            Role.CALLER: "whoever asks a served model; on the project or on the endpoint",
        }[self]


class Permission(msgspec.Struct, frozen=True):
    """One permission.

    Attributes:
        calls: Google's names of the methods that need it; none where a property needs it, see ``when``.
        when: the property of a service, or the option of a command, that makes it necessary; empty means
            always.
        assumed: Google's pages do not say which permission the call needs; this is the one that its
            sister calls need.
    """

    name: str
    role: Role
    why: str
    calls: tuple[str, ...] = ()
    when: str = ""
    assumed: bool = False


_TUNING = "google.cloud.aiplatform.GenAiTuningService"
_ENDPOINTS = "google.cloud.aiplatform.EndpointService"
_BOARDS = "google.cloud.aiplatform.TensorboardService"
_MODELS = "google.cloud.aiplatform.ModelService"
_OPERATIONS = "google.longrunning.Operations"
_QUOTAS = "google.api.cloudquotas.v1.CloudQuotas"
_PREDICTION = "google.cloud.aiplatform.PredictionService"
_USAGE = "google.api.serviceusage.v1.ServiceUsage"
_AGENTS_MADE = "google.cloud.workloadidentity.v1.WorkloadIdentity.GenerateServiceAgents"
_D, _B, _P, _C = Role.DEPLOYER, Role.BUCKET, Role.PREREQUISITES, Role.CALLER

PERMISSIONS = (
    Permission("aiplatform.tuningJobs.create", _D, "to tune", (f"{_TUNING}.CreateTuningJob",)),
    Permission("aiplatform.tuningJobs.get", _D, "to wait for a job", (f"{_TUNING}.GetTuningJob",)),
    Permission(
        "aiplatform.tuningJobs.list",
        _D,
        "to find the job of a submission that was cut off, instead of paying twice",
        (f"{_TUNING}.ListTuningJobs",),
    ),
    Permission(
        "aiplatform.tuningJobs.cancel", _D, "to end a job with its stack", (f"{_TUNING}.CancelTuningJob",)
    ),
    Permission(
        "aiplatform.contexts.get", _D, "a job's loss", ("google.cloud.aiplatform.MetadataService.GetContext",)
    ),
    Permission("aiplatform.tensorboardRuns.list", _D, "a job's loss", (f"{_BOARDS}.ListTensorboardRuns",)),
    Permission(
        "aiplatform.tensorboardTimeSeries.list",
        _D,
        "a job's loss",
        (f"{_BOARDS}.ListTensorboardTimeSeries",),
    ),
    Permission(
        "aiplatform.tensorboardTimeSeries.batchRead",
        _D,
        "a job's loss",
        (f"{_BOARDS}.BatchReadTensorboardTimeSeriesData",),
    ),
    Permission(
        "aiplatform.models.upload",
        _D,
        "to register tuned weights; Model Garden's one call does it too",
        (f"{_MODELS}.UploadModel", "google.cloud.aiplatform.ModelGardenService.Deploy"),
    ),
    Permission(
        "aiplatform.models.get",
        _D,
        "to find the container of a registered model, and to follow operations on models",
        (f"{_MODELS}.GetModel", f"{_OPERATIONS}.GetOperation"),
    ),
    Permission("aiplatform.models.list", _D, "doctor looks for what was left", (f"{_MODELS}.ListModels",)),
    Permission("aiplatform.models.delete", _D, "to take down", (f"{_MODELS}.DeleteModel",)),
    Permission(
        "aiplatform.models.get",
        _D,
        "to ask which container fits the weights",
        (f"{_MODELS}.RecommendSpec",),
        assumed=True,
    ),
    Permission(
        "aiplatform.endpoints.create",
        _D,
        "Model Garden's one call makes the endpoint; one with private service connect, a key or a service "
        "account is made first",
        (f"{_ENDPOINTS}.CreateEndpoint", "google.cloud.aiplatform.ModelGardenService.Deploy"),
    ),
    Permission(
        "aiplatform.endpoints.get",
        _D,
        "to see what is deployed, and to follow operations on endpoints",
        (f"{_ENDPOINTS}.GetEndpoint", f"{_OPERATIONS}.GetOperation"),
    ),
    Permission(
        "aiplatform.endpoints.list",
        _D,
        "to count the accelerators in use before more are asked for",
        (f"{_ENDPOINTS}.ListEndpoints",),
    ),
    Permission("aiplatform.endpoints.update", _D, "labels, name, traffic", (f"{_ENDPOINTS}.UpdateEndpoint",)),
    Permission("aiplatform.endpoints.delete", _D, "to take down", (f"{_ENDPOINTS}.DeleteEndpoint",)),
    Permission(
        "aiplatform.endpoints.deploy",
        _D,
        "to put a model on machines and to change how many",
        (
            f"{_ENDPOINTS}.DeployModel",
            f"{_ENDPOINTS}.MutateDeployedModel",
            "google.cloud.aiplatform.ModelGardenService.Deploy",
        ),
    ),
    Permission("aiplatform.endpoints.undeploy", _D, "to take a model off", (f"{_ENDPOINTS}.UndeployModel",)),
    Permission(
        "aiplatform.operations.list",
        _D,
        "to find an operation of an earlier run on an endpoint or a model",
        (f"{_OPERATIONS}.ListOperations",),
    ),
    Permission(
        "resourcemanager.projects.get",
        _D,
        "to see whether billing is on",
        ("google.cloud.billing.v1.CloudBilling.GetProjectBillingInfo",),
    ),
    Permission("serviceusage.services.get", _D, "to see which APIs are on", (f"{_USAGE}.BatchGetServices",)),
    Permission(
        "cloudquotas.quotas.get",
        _D,
        "to see the tuning quota, the accelerators' quota, and what was asked for",
        (f"{_QUOTAS}.GetQuotaInfo", f"{_QUOTAS}.ListQuotaInfos", f"{_QUOTAS}.ListQuotaPreferences"),
    ),
    Permission(
        "aiplatform.endpoints.predict",
        _D,
        "to ask a new model before callers are answered by it",
        (f"{_PREDICTION}.Predict",),
        when="evaluation",
    ),
    Permission(
        "serviceusage.services.use",
        _D,
        "to let calls count against the project's quota",
        when="a person's own credentials",
    ),
    Permission(
        "iam.serviceAccounts.actAs",
        _D,
        "to let a job or a model run as an account of its own; on that account alone",
        when="service_account",
    ),
    Permission(
        "storage.objects.create",
        _B,
        "data, claims, lineage, copies of weights",
        ("storage.objects.insert", "storage.objects.rewrite"),
    ),
    Permission(
        "storage.objects.get",
        _B,
        "claims, and to see that weights are there",
        ("storage.objects.get", "storage.objects.rewrite"),
    ),
    Permission(
        "storage.objects.list", _B, "weights, and whether the bucket is there", ("storage.objects.list",)
    ),
    Permission(
        "storage.objects.delete",
        _B,
        "to change or drop a claim, and to delete weights (delete_artifacts, keep_checkpoints)",
        ("storage.objects.delete", "storage.objects.insert"),
    ),
    Permission(
        "serviceusage.services.enable",
        _P,
        "to turn APIs on",
        (f"{_USAGE}.EnableService",),
    ),
    Permission(
        "workloadidentity.serviceAgents.create",
        _P,
        "to make Vertex AI's agents, so that they can be given the bucket",
        (_AGENTS_MADE,),
    ),
    Permission("workloadidentity.operations.get", _P, "to wait until they are made", (_AGENTS_MADE,)),
    Permission("serviceusage.services.get", _P, "to see which are on", (f"{_USAGE}.GetService",)),
    Permission(
        "resourcemanager.projects.get",
        _P,
        "the project's id and number",
        ("cloudresourcemanager.v1.projects.get",),
    ),
    Permission("storage.buckets.create", _P, "the output bucket", ("storage.buckets.insert",)),
    Permission("storage.buckets.get", _P, "to see what it is like", ("storage.buckets.get",)),
    Permission("storage.buckets.update", _P, "its labels", ("storage.buckets.patch",)),
    Permission(
        "storage.buckets.getIamPolicy",
        _P,
        "to give the agents the bucket",
        ("storage.buckets.getIamPolicy",),
    ),
    Permission(
        "storage.buckets.setIamPolicy",
        _P,
        "to give the agents the bucket",
        ("storage.buckets.setIamPolicy",),
    ),
    Permission(
        "resourcemanager.projects.getIamPolicy",
        _P,
        "to give the tuning agent its role on the project",
        ("cloudresourcemanager.v1.projects.getIamPolicy",),
    ),
    Permission(
        "resourcemanager.projects.setIamPolicy",
        _P,
        "to give the tuning agent its role on the project",
        ("cloudresourcemanager.v1.projects.setIamPolicy",),
    ),
    Permission(
        "cloudquotas.quotas.update",
        _P,
        "to ask for tuning jobs at once",
        (f"{_QUOTAS}.CreateQuotaPreference", f"{_QUOTAS}.UpdateQuotaPreference"),
    ),
    Permission("cloudquotas.quotas.get", _P, "to see the answer", (f"{_QUOTAS}.GetQuotaPreference",)),
    Permission(
        "aiplatform.endpoints.get",
        _C,
        "to see under which address it answers",
        (f"{_ENDPOINTS}.GetEndpoint",),
    ),
    Permission("aiplatform.endpoints.predict", _C, "to ask", (f"{_PREDICTION}.Predict",)),
    Permission(
        "aiplatform.models.get",
        _C,
        "to find the weights that answered",
        (f"{_MODELS}.GetModel",),
        when="--compare-base",
    ),
    Permission(
        "aiplatform.tuningJobs.list",
        _C,
        "to find the tuning that wrote them, and its base model",
        (f"{_TUNING}.ListTuningJobs",),
        when="--compare-base",
    ),
    Permission(
        "aiplatform.endpoints.predict",
        _C,
        "to ask the base model, on the project",
        (f"{_PREDICTION}.ChatCompletions",),
        when="--compare-base",
        assumed=True,
    ),
)


DISPENSABLE = {
    "storage.buckets.get": "Google's client looks at a bucket beside its first call; refused, it goes on"
}
"""Calls that are made and may be refused, with the reason: nobody needs a permission for them."""


class AgentRole(msgspec.Struct, frozen=True):
    """A predefined role of an agent of Google's, on a resource; ``when`` as for permissions."""

    agent: str
    role: str
    on: str
    why: str
    when: str = ""


_VERTEX = "service-NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com"
_TUNER = "service-NUMBER@gcp-sa-vertex-moss-ft.iam.gserviceaccount.com"
_OTHER = "training_data, validation_data, custom_base_model or artifacts_uri in another bucket"

AGENTS = (
    AgentRole(
        _VERTEX,
        "roles/storage.objectUser",
        "the output bucket",
        "to read data and weights, and to serve them",
    ),
    AgentRole(
        _TUNER,
        "roles/storage.objectUser",
        "the output bucket",
        "to read the data, and to write weights, checkpoints and metrics",
    ),
    AgentRole(
        _TUNER,
        "roles/storage.legacyBucketReader",
        "the output bucket",
        "to read the bucket's metadata: without it submissions of some users failed",
    ),
    AgentRole(
        _TUNER,
        "roles/aiplatform.tuningServiceAgent",
        "the project",
        "to tune; Google's own scripts expect it",
    ),
    AgentRole(_VERTEX, "roles/storage.objectUser", "that bucket too", "to read what lies there", when=_OTHER),
    AgentRole(_TUNER, "roles/storage.objectUser", "that bucket too", "to read what lies there", when=_OTHER),
    AgentRole(
        _VERTEX,
        "roles/cloudkms.cryptoKeyEncrypterDecrypter",
        "the key",
        "to encrypt what it makes",
        when="kms_key",
    ),
    AgentRole(
        _VERTEX,
        "roles/aiplatform.serviceAgent",
        "the project",
        "to act there; Google grants it itself, unless the agent was made on request before",
    ),
)


def of_role(role: Role, permissions: Iterable[Permission] = PERMISSIONS) -> list[str]:
    """The names that a custom role lists: what is needed always, each once, sorted."""
    return sorted({each.name for each in permissions if each.role is role and not each.when})


def mend(*calls: str) -> str:
    """What lets whoever runs pulumi make these calls, in a few words."""
    found = [each for each in PERMISSIONS if each.role in (_D, _B) and set(calls) & set(each.calls)]
    names = sorted({each.name for each in found})
    roles = sorted({each.role.value for each in found})
    return f"needs {', '.join(names)}, as in the custom role {' and '.join(roles)}, docs/permissions.md"


def needed(calls: Iterable[str]) -> dict[str, list[Permission]]:
    """For each of Google's methods the permissions that it needs; none for one that is not named here."""
    return {call: [each for each in PERMISSIONS if call in each.calls] for call in calls}
