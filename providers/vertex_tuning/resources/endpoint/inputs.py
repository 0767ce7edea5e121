"""What an endpoint is made of."""

from __future__ import annotations

from typing import Literal

from ... import names
from ...lifecycle import ResourceInputs
from ...planning import Service
from ...specs import KmsKey, Labels, ProjectIds, RequestResponseLogging, Text


class EndpointInputs(ResourceInputs):
    """An endpoint under an id that we choose, or an adopted one.

    Attributes:
        adopted: it is another's: it is neither made, changed nor deleted here.
        private_service_connect: projects that may connect privately.
        kms_key: of an endpoint that is made at once; others are made when the first model is deployed.
        dedicated: ``False`` for one that shares the region's address.
        request_response_logging: the table that requests and answers are written to.
    """

    endpoint_id: str
    owner_label: str
    display_name: Text
    labels: Labels = {}
    private_service_connect: ProjectIds | None = None
    kms_key: KmsKey | None = None
    dedicated: Literal[False] | None = None
    request_response_logging: RequestResponseLogging | None = None
    adopted: Literal[True] | None = None

    @property
    def name(self) -> str:
        """Full resource name."""
        return names.endpoint(self.project, self.region, self.endpoint_id)

    @property
    def made_here(self) -> bool:
        """Whether it has a setting that only a call of its own can give."""
        return self.kms_key is not None

    @classmethod
    def planned(cls, service: Service) -> EndpointInputs | None:
        """The endpoint of a service that serves; of an adopted one only its id is declared."""
        spec, serving = service.spec, service.spec.serving
        if not spec.serve:
            return None
        adopted = spec.adopt_endpoint is not None
        return cls(
            project=spec.project,
            region=spec.serving_region,
            output_uri=spec.output_uri,
            service=spec.name,
            owner=service.owner,
            wait=spec.wait,
            endpoint_id=service.endpoint_id,
            owner_label=service.owner_label,
            display_name=spec.identity if adopted else serving.endpoint_display_name or spec.name,
            labels={} if adopted else spec.labels,
            adopted=True if adopted else None,
            private_service_connect=None if adopted else service.private_service_connect,
            kms_key=None if adopted else service.kms_key,
            dedicated=None if adopted or serving.dedicated else False,
            request_response_logging=None if adopted else serving.request_response_logging,
        )
