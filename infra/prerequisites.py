"""What ``prerequisites: manage`` declares around the tuning: APIs, bucket, access, quota.

``verify`` declares nothing: each service's Readiness looks, and says what is missing. The Google
Cloud SDK for Pulumi is imported only here and only when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import pulumi

from vertex_tuning import names
from vertex_tuning.stack import Settings
from vertex_tuning.vertex import connect
from vertex_tuning.vertex.errors import VertexError

SERVICES = (
    "serviceusage.googleapis.com",
    "aiplatform.googleapis.com",
    "storage.googleapis.com",
    "cloudquotas.googleapis.com",
    "cloudbilling.googleapis.com",
    "workloadidentity.googleapis.com",
)
OBJECTS, READS_BUCKET = "roles/storage.objectUser", "roles/storage.legacyBucketReader"
BUCKET_ROLES = {
    "vertex-agent-writes": ("gcp-sa-aiplatform", OBJECTS),
    "tuning-agent-writes": ("gcp-sa-vertex-moss-ft", OBJECTS),
    "tuning-agent-reads": ("gcp-sa-vertex-moss-ft", READS_BUCKET),
}
"""What Google's agents may do in the bucket: resource name → the agent's domain and its role."""
TUNING_AGENT_ROLE = "roles/aiplatform.tuningServiceAgent"
"""The tuning agent's role on the project, which it does not get when it is made on request."""

QUOTA_REQUEST = "vertex-tuning-jobs"
Found = TypeVar("Found")


class Existing(msgspec.Struct, frozen=True):
    """What is there already and cannot be made twice: an earlier life of the stack has left it.

    Attributes:
        quota_request: id of the request for the tuning quota.
    """

    bucket: bool = False
    quota_request: str | None = None


def look(settings: Settings) -> Existing:
    """What outlives a stack and is there. What cannot be checked warns, and counts as not there."""
    bucket = _seen("the output bucket", lambda: connect().storage.bucket_exists(settings.output_uri))
    asked = _seen("the tuning quota", lambda: connect().project.tuning_quota(settings.project).request)
    return Existing(bucket=bool(bucket), quota_request=asked.id if asked else None)


def _seen(name: str, look_at: Callable[[], Found]) -> Found | None:
    try:
        return look_at()
    except VertexError as error:
        pulumi.log.warn(f"prerequisites: not checked: {name}: {error}")
        return None


def manage(settings: Settings, existing: Existing) -> list[pulumi.Resource]:
    """Declare the prerequisites of a stack; everything else waits for what is returned.

    What exists is taken into the state as it is, instead of being made.
    """
    import pulumi_gcp as gcp

    services: list[pulumi.Resource] = []
    for name in SERVICES:
        services.append(
            gcp.projects.Service(
                name.partition(".")[0],
                project=settings.project,
                service=name,
                # Other stacks of the project live on these APIs too.
                disable_on_destroy=False,
                # The first is the API that switches on the others.
                opts=pulumi.ResourceOptions(depends_on=services[:1]),
            )
        )
    name = names.bucket(settings.output_uri)
    bucket = gcp.storage.Bucket(
        "tuning",
        name=name,
        project=settings.project,
        location=settings.region,
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        labels={"team": settings.team, "environment": settings.environment},
        # Tuned weights outlive the stack: a bucket that still holds some is not removed with it.
        force_destroy=False,
        opts=pulumi.ResourceOptions(
            depends_on=services, retain_on_delete=True, import_=name if existing.bucket else None
        ),
    )
    # Nothing can be granted to an agent that is not there, and Google makes some when they are first used.
    producer = "locations/global/serviceProducers/aiplatform.googleapis.com"
    agents = gcp.iam.WorkloadIdentityServiceAgent(
        "vertex-agents",
        parent=pulumi.Output.format("projects/{0}/{1}", bucket.project_number, producer),
        opts=pulumi.ResourceOptions(depends_on=services),
    )
    after = pulumi.ResourceOptions(depends_on=[agents])

    def agent(domain: str) -> pulumi.Output[str]:
        address = "serviceAccount:service-{0}@{1}.iam.gserviceaccount.com"
        return pulumi.Output.format(address, bucket.project_number, domain)

    access = [
        gcp.storage.BucketIAMMember(name, bucket=bucket.name, role=role, member=agent(domain), opts=after)
        for name, (domain, role) in BUCKET_ROLES.items()
    ]
    tunes = gcp.projects.IAMMember(
        "tuning-agent-tunes",
        project=settings.project,
        role=TUNING_AGENT_ROLE,
        member=agent("gcp-sa-vertex-moss-ft"),
        # Other stacks of the project tune through the same agent.
        opts=pulumi.ResourceOptions(depends_on=[agents], retain_on_delete=True),
    )
    return [*services, bucket, agents, *access, tunes, *_quota(settings, existing, services)]


def _quota(
    settings: Settings, existing: Existing, services: Sequence[pulumi.Resource]
) -> list[pulumi.Resource]:
    if settings.tuning_quota is None:
        return []
    import pulumi_gcp as gcp

    parent, name = f"projects/{settings.project}", existing.quota_request or QUOTA_REQUEST
    there = f"{parent}/locations/global/quotaPreferences/{name}" if existing.quota_request else None
    return [
        gcp.cloudquota.SQuotaPreference(
            "tuning-jobs",
            name=name,
            parent=parent,
            service="aiplatform.googleapis.com",
            quota_id=settings.tuning_quota.quota_id,
            quota_config={"preferred_value": str(settings.tuning_quota.jobs)},
            contact_email=settings.tuning_quota.contact_email,
            justification="Tuning jobs declared with pulumi-vertex-tuning",
            # A request cannot be deleted, and an existing one keeps its name.
            opts=pulumi.ResourceOptions(
                depends_on=services, retain_on_delete=True, import_=there, ignore_changes=["name"]
            ),
        )
    ]
