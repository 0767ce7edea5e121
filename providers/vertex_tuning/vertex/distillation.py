"""Distillation jobs on the wire, in the form that Google's documented client sends.

The published types do not know all of that form. A distillation is read and written as a supervised tuning
whose spec has another name, another name for its data, and a teacher.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_SPEC, _SUPERVISED = "distillationSpec", "supervisedTuningSpec"
_PROMPTS, _DATA = "promptDatasetUri", "trainingDatasetUri"


def to_wire(job: Json, teacher: str) -> Json:
    """A supervised tuning job's request as a distillation."""
    rest = dict(job)
    spec = dict(rest.pop(_SUPERVISED))
    spec[_PROMPTS] = spec.pop(_DATA)
    return {**rest, _SPEC: {"baseTeacherModel": teacher, **spec}}


def from_wire(job: Json) -> tuple[Json, str | None]:
    """A job's answer as a supervised tuning's, and its teacher; unchanged if it is no distillation."""
    spec = job.get(_SPEC)
    if not isinstance(spec, dict):
        return job, None
    teacher = spec.get("baseTeacherModel")
    supervised = {**spec, _DATA: spec.get(_PROMPTS) or spec.get(_DATA, "")}
    return {**job, _SUPERVISED: supervised}, teacher if isinstance(teacher, str) else ""
