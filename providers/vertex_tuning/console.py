"""Pages of Google Cloud's console."""

from __future__ import annotations

CONSOLE = "https://console.cloud.google.com"


def tuning_job(name: str) -> str:
    """A tuning job's page."""
    _, project, _, location, _, job = name.split("/")
    return f"{CONSOLE}/agent-platform/tuning/locations/{location}/tuningJob/{job}/monitor?project={project}"


def endpoint(name: str) -> str:
    """An endpoint's page."""
    _, project, _, region, _, endpoint_id = name.split("/")
    return (
        f"{CONSOLE}/vertex-ai/online-prediction/locations/{region}/endpoints/{endpoint_id}?project={project}"
    )


def billing(project: str) -> str:
    """The page to link a billing account to a project."""
    return f"{CONSOLE}/billing/linkedaccount?project={project}"


def quotas(project: str) -> str:
    """A project's quotas, with requests for more."""
    return f"{CONSOLE}/iam-admin/quotas?project={project}"
