"""What a tuning job is made of."""

from __future__ import annotations

from ...lifecycle import ResourceInputs
from ...specs import (
    CountOrZero,
    GcsUri,
    HyperParameters,
    KmsKey,
    Labels,
    Mode,
    ModelId,
    Retrain,
    RetrainChoice,
    Reuse,
    ReuseChoice,
    ServiceAccount,
    Texts,
    TuningJobName,
    TuningLocation,
)
from .submission import place_of


class TuningJobInputs(ResourceInputs, HyperParameters):
    """What to tune, on what, and where the result goes.

    Attributes:
        billed_tokens: estimated training tokens over all epochs, for messages.
        price: what they cost by the price book, for messages; empty when the book does not say.
        fingerprint: identity of spec, data, attempt and adopted job; label of the job and key of its claim.
        job_output_uri: folder of this job alone.
        fallback_region: where the job is asked for if ``region`` is ``global`` and does not take the model.
        live_data: those of the data that are a user's objects, and may be overwritten: the job reads copies.
        teacher: managed model whose answers are learned, if the tuning is a distillation.
        in_preview: look at ``custom_base_model`` in preview already.
        owner_label: ``owner`` as far as a label can carry it.
    """

    fingerprint: str
    owner_label: str
    job_output_uri: GcsUri
    base_model: ModelId
    mode: Mode
    training_uri: GcsUri
    validation_uri: GcsUri | None = None
    fallback_region: TuningLocation | None = None
    live_data: Texts = ()
    custom_base_model: GcsUri | None = None
    teacher: str | None = None
    service_account: ServiceAccount | None = None
    kms_key: KmsKey | None = None
    display_name: str
    labels: Labels = {}
    adopt_job: TuningJobName | None = None
    retrain: RetrainChoice = Retrain.ALLOW
    reuse: ReuseChoice = Reuse.OUTPUT_URI
    billed_tokens: CountOrZero | None = None
    price: str = ""
    in_preview: bool = True

    @property
    def data(self) -> tuple[GcsUri, ...]:
        """The training data and, if there are any, the validation data."""
        return (self.training_uri, *([self.validation_uri] if self.validation_uri else []))

    @property
    def place(self) -> str:
        """Where the job is asked for."""
        return place_of(self.project, self.region)
