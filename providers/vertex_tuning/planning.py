"""What each kind of resource makes its inputs from: a service, before anything of it exists. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from . import checkpoints, names
from .names import label_of, short
from .pricing import Book
from .promotion import Promoted
from .specs import KmsKey, ProjectIds, Retrain, Retry, ServiceSpec
from .tunings import TuningPlan

_DEPLOYMENT = {
    "machine_type",
    "accelerator_type",
    "accelerator_count",
    "spot",
    "reservation",
    "scale_to_zero",
    "checkpoint",
    "container",
    "service_account",
    "redeploy",
    "flex_start",
}
"""Keys of a serving spec whose change makes another deployment; the registered model's id contains them."""


class Weights(NamedTuple):
    """Where weights come from: a tuning, or a folder, which is unknown in an offline preview."""

    fingerprint: str | None
    uri: str | None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service, as its resources are planned.

    Attributes:
        owner: project, stack and service, which ids and ownership depend on.
        tuning: what is tuned, if anything is.
        promoted: the weights of another stack, if they are served and known.
        beside: of the program's services, one for each output bucket.
    """

    spec: ServiceSpec
    owner: str
    tuning: TuningPlan | None
    promoted: Promoted | None
    beside: tuple[ServiceSpec, ...]
    prices: Book

    @property
    def owner_label(self) -> str:
        """The owner as far as a label can carry it."""
        return label_of(self.owner)

    @property
    def tuned_in(self) -> str:
        """Where it is tuned; the service's region if it is not."""
        return self.spec.tuning_location if self.tuning else self.spec.region

    @property
    def weights(self) -> Weights:
        """Where the weights come from."""
        if self.tuning is not None:
            return Weights(self.tuning.fingerprint, None)
        if self.promoted is None:
            return Weights(None, self.spec.artifacts_uri)
        given, chosen = self.promoted.artifacts_uri, self.spec.serving.checkpoint
        output = checkpoints.output_of(given)
        return Weights(None, given if chosen is None else checkpoints.uri_of(output, chosen))

    @property
    def retry(self) -> Retry | None:
        """What follows a failed job; it is paid for again, which is what ``retrain: deny`` denies."""
        allowed = self.spec.tuning is not None and self.spec.retrain is Retrain.ALLOW
        return self.spec.tuning.retry if allowed and self.spec.tuning else None

    @property
    def private_service_connect(self) -> ProjectIds | None:
        """The projects that may connect privately."""
        return self.spec.serving.private_service_connect

    @property
    def kms_key(self) -> KmsKey | None:
        """The key that encrypts what is made."""
        return self.spec.tuning.kms_key if self.spec.tuning else None

    @property
    def endpoint_id(self) -> str:
        """A hash of the owner, and of what is given to an endpoint when it is made and never again."""
        if self.spec.adopt_endpoint is not None:
            return self.spec.adopt_endpoint.rsplit("/", 1)[1]
        fixed: dict[str, Any] = {
            "private_service_connect": self.private_service_connect,
            "kms_key": self.kms_key or None,
            "dedicated": None if self.spec.serving.dedicated else False,
        }
        # Only what is set: ids of endpoints without it were made without it.
        fixed = {key: value for key, value in fixed.items() if value is not None}
        whole = _text([self.owner, fixed]) if fixed else self.owner
        return f"{names.PREFIX}{self.spec.identity}-{short(whole)}"

    @property
    def model_id(self) -> str:
        """The registered model's id: a hash of everything that makes another deployment."""
        serving = self.spec.serving
        deployment = serving.model_dump(mode="json", include=_DEPLOYMENT, exclude_none=True)
        if serving.access_logging:
            deployment["access_logging"] = True
        fingerprint, uri = self.weights
        weights = {"fingerprint": fingerprint} if fingerprint else {"weights_uri": uri}
        whole = _text([self.endpoint_id, self.spec.output_uri, weights, deployment])
        return f"{names.PREFIX}{self.spec.identity}-{short(whole, 12)}"


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
