"""What a dataset is made of."""

from __future__ import annotations

from ...lifecycle import ResourceInputs, Sparse
from ...planning import Service
from ...specs import CountOrZero, DataSource, Texts, is_gcs
from ...tunings import DataPlan

MOST_IMAGES = 10


class TuningDatasetInputs(ResourceInputs):
    """One file of examples.

    Attributes:
        source: local path or ``gs://BUCKET/OBJECT[#GENERATION]``.
        content: identity of the bytes; for Cloud Storage the URI, because the bytes are not here.
        uri: where the tuning job reads it; for an object without ``#GENERATION`` it reads a copy, ``copy``.
        crc32c: of a local file, as it was read in the program.
        tuning: fingerprint of the tuning, for an object without ``#GENERATION``: the next one looks anew.
        generation: which generation an earlier look has pinned; read from the state.
        in_preview: look at an object in preview already.
        bytes: of a local file.
        training_source: of validation data that Cloud Storage has a part in: the training data.
        training_bytes, training_format: of training data that are local.
        base_model: of an object: what is tuned on it.
        images: of a local file: the first few images in Cloud Storage that it names.
    """

    source: DataSource
    content: str
    uri: str
    crc32c: str | None = None
    tuning: str | None = None
    generation: str | None = None
    format: str | None = None
    examples: CountOrZero | None = None
    characters: CountOrZero | None = None
    estimated_tokens: CountOrZero | None = None
    in_preview: bool = True
    bytes: CountOrZero | None = None
    training_source: DataSource | None = None
    training_bytes: CountOrZero | None = None
    training_format: str | None = None
    base_model: str | None = None
    images: Sparse[Texts] = ()

    @property
    def asks_storage(self) -> bool:
        """Whether Cloud Storage has to be asked before anything is known to be right."""
        return is_gcs(self.source) or self.training_source is not None or bool(self.images)

    @property
    def pinned_source(self) -> str:
        """The object, in the generation that is known."""
        known = self.generation and "#" not in self.source
        return f"{self.source}#{self.generation}" if known else self.source

    @classmethod
    def training(cls, service: Service) -> TuningDatasetInputs | None:
        """The training data of a service that tunes."""
        return cls._of(service, service.tuning.training) if service.tuning else None

    @classmethod
    def validation(cls, service: Service) -> TuningDatasetInputs | None:
        """The validation data of a service that has some."""
        found = service.tuning.validation if service.tuning else None
        return cls._of(service, found) if found else None

    @classmethod
    def _of(cls, service: Service, data: DataPlan) -> TuningDatasetInputs | None:
        spec, tuning, found = service.spec, service.tuning, data.dataset
        if tuning is None or spec.tuning is None:
            return None
        # Validation data are compared with the training data where Cloud Storage holds either.
        stored = is_gcs(data.source) or is_gcs(tuning.training.source)
        training = tuning.training if data is tuning.validation and stored else None
        local = training.dataset if training else None
        images = dict.fromkeys(image.uri for image in found.images) if found else {}
        return cls(
            project=spec.project,
            region=spec.region,
            output_uri=spec.output_uri,
            service=spec.name,
            owner=service.owner,
            wait=spec.wait,
            source=data.source,
            content=data.content,
            uri=data.uri,
            in_preview=spec.check_in_preview,
            tuning=tuning.fingerprint if data.live else None,
            crc32c=found.crc32c if found else None,
            format=found.format.value if found else None,
            examples=found.examples if found else None,
            characters=found.characters if found else None,
            estimated_tokens=found.estimated_tokens if found else None,
            bytes=found.size if found and training else None,
            training_source=training.source if training else None,
            training_bytes=local.size if local else None,
            training_format=local.format.value if local else None,
            base_model=spec.tuning.base_model if is_gcs(data.source) else None,
            images=tuple(images)[:MOST_IMAGES],
        )
