"""What a tuning job is made of."""

from __future__ import annotations

from ...catalog import GLOBAL, tuning_regions
from ...lifecycle import ResourceInputs, Sparse
from ...planning import Service
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
from . import costs
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
    price: Sparse[str] = ""
    in_preview: bool = True

    @property
    def data(self) -> tuple[GcsUri, ...]:
        """The training data and, if there are any, the validation data."""
        return (self.training_uri, *([self.validation_uri] if self.validation_uri else []))

    @property
    def place(self) -> str:
        """Where the job is asked for."""
        return place_of(self.project, self.region)

    @classmethod
    def planned(cls, service: Service) -> TuningJobInputs | None:
        """The job of a service that tunes, with its price if the price book says it."""
        spec, tuning, planned = service.spec, service.spec.tuning, service.tuning
        if tuning is None or planned is None:
            return None
        data = (planned.training, planned.validation)
        # `global` does not take every model; the region is one that the user has named.
        falls_back = spec.tuning_location == GLOBAL and spec.region in tuning_regions()
        job = cls(
            project=spec.project,
            region=spec.tuning_location,
            output_uri=spec.output_uri,
            service=spec.name,
            owner=service.owner,
            wait=spec.wait,
            fingerprint=planned.fingerprint,
            owner_label=service.owner_label,
            job_output_uri=planned.job_output_uri,
            base_model=tuning.base_model,
            mode=tuning.mode,
            training_uri=planned.training.uri,
            validation_uri=planned.validation.uri if planned.validation else None,
            fallback_region=spec.region if falls_back else None,
            live_data=tuple(each.uri for each in data if each and each.live),
            custom_base_model=tuning.custom_base_model,
            teacher=tuning.distillation.teacher if tuning.distillation else None,
            service_account=tuning.service_account,
            kms_key=tuning.kms_key,
            display_name=tuning.display_name or spec.name,
            labels=spec.labels,
            adopt_job=spec.adopt_job,
            retrain=spec.retrain,
            reuse=tuning.reuse,
            billed_tokens=planned.billed_tokens,
            in_preview=spec.check_in_preview,
            epochs=tuning.epochs,
            learning_rate=tuning.learning_rate,
            adapter_size=tuning.adapter_size,
            batch_size=tuning.batch_size,
        )
        price = costs.price_of(service.prices, job.declared())
        return job.model_copy(update={"price": price}) if price else job
