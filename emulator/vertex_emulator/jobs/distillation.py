"""Distillation: a student is tuned on a teacher's answers to the prompts of a dataset.

Google's documented client sends a `distillationSpec` that the published types do not know in full, so it is
read here. For the rest a distillation is a supervised tuning whose data the job makes itself.
"""

from typing import Any

from vertex_emulator.store.resources import Record
from vertex_emulator.wire.errors import invalid

Json = dict[str, Any]
KEY = "distillationSpec"
LABELLED = "distillation_labelled_dataset.jsonl"
"""What a job leaves in its output folder: the prompts with the teacher's answers."""
TEACHERS = frozenset(
    {
        "deepseek-ai/deepseek-r1-0528-maas",
        "deepseek-ai/deepseek-v3.2-maas",
        "qwen/qwen3-next-80b-a3b-thinking-maas",
    }
)
_STUDENTS = ("qwen/qwen3@", "google/gemma3@")
_TAKEN_OVER = ("hyperParameters", "tuningMode", "validationDatasetUri", "exportLastCheckpointOnly")
_PRIVATE = "distillation"


def as_supervised(job: Json) -> tuple[Json, Json]:
    """A request as a supervised tuning, and what the job has to remember of the distillation. Raises 400."""
    if KEY not in job:
        return job, {}
    spec = job[KEY]
    if not isinstance(spec, dict):
        raise invalid(f"Invalid JSON payload received. {KEY} is not an object.")
    if "supervisedTuningSpec" in job:
        raise invalid(
            f"Invalid JSON payload received. Only one of supervisedTuningSpec and {KEY} may be set."
        )
    teacher = spec.get("baseTeacherModel")
    for key in spec:
        if key not in (*_TAKEN_OVER, "baseTeacherModel", "promptDatasetUri"):
            raise invalid(
                f"Invalid JSON payload received. Unknown name '{key}' at 'tuning_job.distillation_spec'."
            )
    if teacher not in TEACHERS:
        raise invalid(
            f"Teacher model '{teacher}' is not supported: use one of {', '.join(sorted(TEACHERS))}."
        )
    student = str(job.get("baseModel", "")).removeprefix("publishers/").replace("/models/", "/")
    if not student.startswith(_STUDENTS):
        raise invalid(f"Base model '{student}' is not supported as a student of distillation.")
    if "customBaseModel" in job:
        raise invalid("custom_base_model is not supported with distillation.")
    supervised = {key: spec[key] for key in _TAKEN_OVER if key in spec}
    supervised["trainingDatasetUri"] = spec.get("promptDatasetUri", "")
    rest = {key: value for key, value in job.items() if key != KEY}
    return {**rest, "supervisedTuningSpec": supervised}, {_PRIVATE: {"baseTeacherModel": teacher}}


def is_distillation(record: Record) -> bool:
    """Whether a job's data come from a teacher."""
    return _PRIVATE in record.private


def shown(record: Record, answer: Json) -> Json:
    """The job's answer with its distillation, where it is one."""
    if not is_distillation(record) or "supervisedTuningSpec" not in answer:
        return answer
    supervised = dict(answer["supervisedTuningSpec"])
    prompts = supervised.pop("trainingDatasetUri", "")
    spec = {**record.private[_PRIVATE], "promptDatasetUri": prompts, **supervised}
    rest = {key: value for key, value in answer.items() if key != "supervisedTuningSpec"}
    return {**rest, KEY: spec}
