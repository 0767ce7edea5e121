"""The loss of a tuning job: its experiment leads to a TensorBoard, whose time series hold it.

Google's pages do not say how the series of open models are called: what has `loss` in its name is one, of the
validation data if the name says so too.
"""

from __future__ import annotations

import re

import msgspec

from ..names import CONTEXT_NAME, SERIES_NAME, TENSORBOARD_NAME
from .client import Losses, LossPoint
from .rest import Rest, decoded

_VALIDATION = re.compile(r"eval|valid|test", re.IGNORECASE)
MOST_POINTS = 50
"""Kept of each series: enough for a plot, and small in a state."""


class _Metadata(msgspec.Struct, frozen=True):
    backing_tensorboard_resource: str = ""


class _Context(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


class _Run(msgspec.Struct, frozen=True):
    name: str = ""


class _Runs(msgspec.Struct, frozen=True, rename="camel"):
    tensorboard_runs: list[_Run] = []


class _Series(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    display_name: str = ""


class _AllSeries(msgspec.Struct, frozen=True, rename="camel"):
    tensorboard_time_series: list[_Series] = []


class _Scalar(msgspec.Struct, frozen=True):
    value: float | None = None


class _Value(msgspec.Struct, frozen=True):
    step: int = 0
    scalar: _Scalar = _Scalar()


class _Data(msgspec.Struct, frozen=True, rename="camel"):
    tensorboard_time_series_id: str = ""
    values: list[_Value] = []


class _AllData(msgspec.Struct, frozen=True, rename="camel"):
    time_series_data: list[_Data] = []


# Made by the import: see ``rest``.
_CONTEXT = msgspec.json.Decoder(_Context, strict=False)
_RUNS = msgspec.json.Decoder(_Runs, strict=False)
_SERIES = msgspec.json.Decoder(_AllSeries, strict=False)
_DATA = msgspec.json.Decoder(_AllData, strict=False)


class TensorBoard:
    """Reads losses; where a job's series are is looked up until all are found."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._found: dict[str, tuple[str, str]] = {}

    def losses(self, experiment: str, *, validated: bool = True) -> Losses | None:
        """The losses that a job's experiment holds so far; ``None`` when it leads to none.

        Args:
            experiment: of the job.
            validated: whether the job has validation data: their series may appear after that of training.

        Raises:
            VertexError: Google refused or did not answer.
        """
        if not re.fullmatch(CONTEXT_NAME, experiment):
            return None
        training, validation = self._found.get(experiment, ("", ""))
        if not training or (validated and not validation):
            training, validation = self._found[experiment] = self._series(experiment)
        if not training:
            return None
        board = training.partition("/experiments/")[0]
        wanted = [name for name in (training, validation) if name]
        answer = decoded(_DATA, self._rest.call("GET", f"{board}:batchRead", timeSeries=wanted))
        points = {data.tensorboard_time_series_id: _thinned(data.values) for data in answer.time_series_data}
        return Losses(
            training=points.get(training.rpartition("/")[2], ()),
            validation=points.get(validation.rpartition("/")[2], ()) if validation else (),
        )

    def _series(self, experiment: str) -> tuple[str, str]:
        """Names of the series of training and validation loss; empty for what is not there."""
        context = decoded(_CONTEXT, self._rest.call("GET", experiment))
        board = context.metadata.backing_tensorboard_resource
        if not re.fullmatch(TENSORBOARD_NAME, board):
            return "", ""
        runs = decoded(
            _RUNS, self._rest.call("GET", f"{board}/experiments/{experiment.rpartition('/')[2]}/runs")
        )
        training = validation = ""
        for run in runs.tensorboard_runs:
            if not run.name.startswith(f"{board}/experiments/"):
                continue
            for series in decoded(
                _SERIES, self._rest.call("GET", f"{run.name}/timeSeries")
            ).tensorboard_time_series:
                if "loss" not in series.display_name.lower() or not re.fullmatch(SERIES_NAME, series.name):
                    continue
                if _VALIDATION.search(series.display_name):
                    validation = validation or series.name
                else:
                    training = training or series.name
        return training, validation


def _thinned(values: list[_Value]) -> tuple[LossPoint, ...]:
    """The points in the order of their steps, evenly thinned to ``MOST_POINTS``; the last one stays."""
    points = sorted(
        (
            LossPoint(value.step, round(value.scalar.value, 4))
            for value in values
            if value.scalar.value is not None
        ),
        key=lambda point: point.step,
    )
    if len(points) <= MOST_POINTS:
        return tuple(points)
    last = len(points) - 1
    return tuple(points[round(index * last / (MOST_POINTS - 1))] for index in range(MOST_POINTS))
