"""A resource plugin ``gcp`` that serves what ``infra/prerequisites.py`` declares, over the services' own REST.

The real plugin is a download that some places cannot make. This one takes the same configuration, the same
inputs and the same custom-endpoint settings, and makes the same kind of calls; it shares no code with it.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Goes on the engine's PATH."""


def settings(address: str) -> dict[str, str]:
    """The pulumi-gcp configuration that points the plugin, this one or the real one, to an embedded service."""
    return {
        "gcp:storageCustomEndpoint": f"{address}/storage/v1/",
        "gcp:serviceUsageCustomEndpoint": f"{address}/v1beta1/",
        "gcp:resourceManagerCustomEndpoint": f"{address}/v1/",
        "gcp:cloudQuotasCustomEndpoint": f"{address}/v1/",
        "gcp:workloadIdentityCustomEndpoint": f"{address}/v1/",
        "gcp:accessToken": "none",
    }
