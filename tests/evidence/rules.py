"""What public evidence says of the real Vertex AI, a rule each; ``docs/evidence.md`` is made from this list.

A test that holds a rule carries its id::

    @pytest.mark.evidence("operations.ui-metadata", side="service")

``side="service"``: the embedded service answers or refuses as the rule says. ``side="plugin"``: the plugin passes
under the rule, or names the problem in a preview. ``side="contract"``: a case of the suite that also runs on a real
project (``tests/contract``); a rule without one has the reason in ``no_case``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["documented", "observed", "inferred", "assumed"]

PAGE = "Google's page on tuning open models"
TYPES = "the API's types (aiplatform v1beta1)"
SCRIPTS = "Google's own tuning scripts"
TRACE = "traces of users"
PRICES = "Google's price page and estimator"
STORAGE = "Cloud Storage documentation"


@dataclass(frozen=True)
class Rule:
    """What the real service does, and how we know.

    Attributes:
        id: SUBJECT.NAME; a test's mark names it.
        says: what the service does.
        kind: how we know: ``assumed`` rests on no public evidence.
        source: where it was read or seen.
        date: when the source was read, or what it is dated.
        no_case: why the contract suite has no case of it; empty where it has one.
    """

    id: str
    says: str
    kind: Kind
    source: str
    date: str = "2026-11-30"
    no_case: str = ""


RULES: tuple[Rule, ...] = (
    # operations
    Rule(
        "operations.ui-metadata",
        "An operation's metadata may have a type under `aiplatform.ui`, which the Python types do not know.",
        "observed",
        TRACE,
    ),
    Rule(
        "operations.unknown-fields", "Metadata may have fields that the types do not know.", "observed", TRACE
    ),
    Rule(
        "operations.none-below-nothing",
        "Listing the operations of an endpoint that does not exist is answered with 404.",
        "inferred",
        TYPES,
    ),
    Rule(
        "operations.deploy-shape",
        "A finished deployment names endpoint, model (perhaps with @1) and publisher model in its response.",
        "observed",
        TRACE,
    ),
    Rule(
        "operations.ids-chosen-by-the-service",
        "The service may choose other endpoint and model ids than those asked for.",
        "inferred",
        "no client was seen that sends model_user_id with custom weights",
    ),
    Rule(
        "operations.capacity",
        "A region without machines ends an operation with code 8 and a text that names the region, or with code 14.",
        "observed",
        TRACE,
        no_case="no call makes a region run out of machines",
    ),
    Rule(
        "operations.first-internal",
        "A deployment may end with code 13 at once; the same call succeeds when repeated.",
        "observed",
        TRACE,
        no_case="no call makes Google fail inside",
    ),
    Rule(
        "jobs.label-filter",
        "Listing tuning jobs by label may be refused with 400: only the standard filter is promised.",
        "inferred",
        TYPES,
    ),
    # tuning jobs
    Rule("jobs.output-uri", "A tuning job of an open model needs output_uri.", "observed", TRACE),
    Rule(
        "jobs.no-multiplier",
        "learning_rate_multiplier is refused with 400 for open models.",
        "observed",
        TRACE,
    ),
    Rule("jobs.no-pre-tuned-model", "pre_tuned_model is refused for open models.", "documented", TYPES),
    Rule("jobs.version-in-id", "A base model's id needs its version (`@...`).", "observed", TRACE),
    Rule(
        "jobs.long-ids",
        "`publishers/P/models/M@V` names the same model as `P/M@V`.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule("jobs.modes", "Each base model allows certain tuning modes only.", "documented", PAGE, "2026-09-25"),
    Rule(
        "jobs.locations",
        "Open models are tuned at `global` and in six regions.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule(
        "jobs.global-makes-a-regional-job",
        "A job at `global` makes a second, regional job; what it makes carries the region in its name.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule(
        "jobs.global-without-cmek",
        "A key of one's own is refused at `global`.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule(
        "jobs.global-not-onboarded",
        "A model that is not onboarded to `global` is refused there and accepted in a region.",
        "documented",
        PAGE,
        "2026-09-25",
        no_case="Google does not publish which models are not onboarded",
    ),
    Rule(
        "jobs.partially-succeeded",
        "A job may end as JOB_STATE_PARTIALLY_SUCCEEDED; weights may be there.",
        "documented",
        TYPES,
        no_case="no request makes a job succeed in part",
    ),
    Rule(
        "jobs.checkpoints",
        "Up to ten intermediate checkpoints lie beside the final one, each a full set of weights.",
        "documented",
        SCRIPTS,
    ),
    Rule("jobs.adapter-sizes", "Adapter sizes are 1, 4, 8, 16 and 32.", "documented", PAGE, "2026-09-25"),
    Rule(
        "jobs.distillation",
        "distillation_spec tunes a student on a teacher's answers and leaves distillation_labelled_dataset.jsonl.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule("jobs.experiment", "A job's experiment leads to a TensorBoard with its loss.", "inferred", TYPES),
    # data
    Rule(
        "data.validation-share",
        "Validation data of more than 25 % of the training data's bytes are refused.",
        "observed",
        TRACE,
    ),
    Rule("data.validation-rows", "Validation data have at most 5,000 rows.", "documented", SCRIPTS),
    Rule(
        "data.generate-content",
        "Data may be in the form of GenerateContent.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule(
        "data.images",
        "Images (JPEG, PNG, WEBP) may be in chat and GenerateContent data of models that take them.",
        "documented",
        PAGE,
        "2026-09-25",
        no_case="the embedded service trains on text only, so the case could not be tried before it is paid for",
    ),
    Rule(
        "data.images-not-mixed",
        "Llama 4 Scout takes text or images: one image drops every example without one.",
        "documented",
        PAGE,
        "2026-09-25",
        no_case="as for data.images",
    ),
    Rule(
        "data.longest-sequence",
        "Examples of more tokens than the model takes are dropped, counted and named by their index.",
        "documented",
        TYPES,
        no_case="a long example would blur the case of prices.tokens, and another job to its end takes an hour",
    ),
    # serving
    Rule(
        "serving.dedicated-by-default",
        "Model Garden's one call makes a dedicated endpoint.",
        "documented",
        TYPES,
    ),
    Rule(
        "serving.shared-host-refuses-dedicated",
        "The shared host refuses requests to a dedicated endpoint and names its DNS name.",
        "observed",
        TRACE,
    ),
    Rule(
        "serving.dedicated-host-refuses-alt",
        "A dedicated host refuses the query parameter $alt.",
        "observed",
        TRACE,
    ),
    Rule(
        "serving.request-limits",
        "A request is at most 1.5 MB on a shared endpoint and 10 MB on a dedicated one.",
        "documented",
        PAGE,
    ),
    Rule(
        "serving.request-time",
        "A request takes at most 60 seconds on a shared endpoint and an hour on a dedicated one.",
        "documented",
        PAGE,
        no_case="an answer of more than a minute takes a machine on a shared endpoint of its own",
    ),
    Rule("serving.openai-form", "OpenAI's form is served at the endpoint's own address.", "documented", PAGE),
    Rule(
        "serving.any-region",
        "Custom weights are deployed in any region that has the machine; `global` is none.",
        "documented",
        PAGE,
        "2026-09-25",
    ),
    Rule(
        "serving.container-names-its-weights",
        "The container of custom weights has the weights' folder in its arguments.",
        "observed",
        TRACE,
    ),
    Rule(
        "serving.container-fields",
        "Command, shared memory, deployment timeout and probes are part of a container.",
        "documented",
        TYPES,
    ),
    Rule(
        "serving.logging-off",
        "Container logs are off unless enable_container_logging is set.",
        "documented",
        TYPES,
    ),
    Rule(
        "serving.scale-to-zero",
        "With a minimum of zero replicas an initial count is needed; periods are 300 to 28,800 seconds.",
        "documented",
        TYPES,
    ),
    Rule(
        "serving.scaled-to-zero",
        "A deployment that may scale to zero has no replica after its idle period without traffic.",
        "documented",
        TYPES,
    ),
    Rule(
        "serving.woken-from-zero",
        "A request to a deployment without replicas is refused with 429, and starts one.",
        "assumed",
        "no public trace",
    ),
    Rule("serving.flex-start", "Flex-start machines run seven days at most.", "documented", TYPES),
    Rule("serving.psc-in-one-call", "The one call can make a private endpoint.", "documented", TYPES),
    Rule(
        "serving.machine-fixes-accelerator",
        "A machine type fixes its accelerator and their number.",
        "documented",
        PAGE,
    ),
    # quotas and prerequisites
    Rule(
        "quotas.by-maximum",
        "Serving quota is charged by max_replica_count times accelerators.",
        "documented",
        f"{TYPES}; Google's page on autoscaling speaks of real-time use instead",
    ),
    Rule(
        "quotas.serving-refusal",
        "Used-up serving quota is refused with 429 and the quota's id.",
        "observed",
        TRACE,
    ),
    Rule(
        "quotas.preemptible",
        "Spot and flex-start machines use a quota family of their own.",
        "documented",
        TYPES,
    ),
    Rule(
        "quotas.requests",
        "Resource management requests are 600 a minute for each project and region; more are refused with 429.",
        "documented",
        "Google's page on quotas of Vertex AI",
        no_case="it would have the project's other requests refused for a minute",
    ),
    Rule(
        "quotas.tuning-id",
        "The tuning quota's id is GlobalConcurrentManagedOssModelTuningJobs.",
        "observed",
        TRACE,
    ),
    Rule(
        "prerequisites.quota-project",
        "Some APIs refuse a user's own credentials without a quota project.",
        "observed",
        TRACE,
        no_case="it depends on whose credentials the suite runs with",
    ),
    Rule(
        "prerequisites.agents",
        "Two service agents need roles on the bucket before a submission works.",
        "observed",
        TRACE,
        no_case="it would take roles from the agents of a project that may be in use",
    ),
    # storage
    Rule(
        "storage.one-write-a-second",
        "An object takes one write a second; faster ones get 429.",
        "documented",
        STORAGE,
    ),
    Rule(
        "storage.checksum-given",
        "A large upload whose given checksum is wrong is refused.",
        "documented",
        STORAGE,
    ),
    Rule(
        "storage.match-glob",
        "In matchGlob, `**` may stand within a name.",
        "documented",
        STORAGE,
    ),
    # prices
    Rule("prices.list", "List prices of tuning and serving.", "documented", PRICES, "2026-07-08"),
    Rule(
        "prices.tokens",
        "Billed tokens for each character, by family of models and mode.",
        "documented",
        SCRIPTS,
        "2026-08",
    ),
)
