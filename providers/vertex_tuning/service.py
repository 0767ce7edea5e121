"""The component: one tuned model, from its data to its endpoint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Alias, ComponentResource, Output, ResourceOptions

from . import console, names, promotion
from . import plan as planning
from .arguments import parse, read_datasets, unfit_prompts
from .dataset import Dataset
from .fit import preview_warnings
from .lifecycle import Phase
from .pricing import Book, Estimate, list_prices, stale
from .problems import Problem, listed
from .resources import PROVIDERS, DeployedModel, Readiness, TunedModel, TuningJob
from .resources.deployed_model.inputs import DeployedModelInputs
from .resources.tuned_model.inputs import TunedModelInputs
from .specs import ServiceSpec

OUTPUTS = (
    "endpoint",
    "endpoint_console",
    "address",
    "job",
    "job_console",
    "artifacts_uri",
    "from_stack",
    "lineage",
    "verdict",
    "rejected",
    "phase",
    "settled",
    "cost",
)


class InvalidSpec(pulumi.RunError):
    """A service is invalid; the text lists every problem with its key.

    As a ``RunError`` it ends a program without a traceback.
    """


class TunedModelService(ComponentResource):
    """A tuned open model, served: readiness, data, tuning job, tuned model, endpoint, deployed model.

    Args:
        name: the service's name, unique in the stack; lower-case letters, digits and hyphens.
        opts: Pulumi's options.
        datasets: the local files' datasets, if already read.
        prices: the price book, such as from ``vertex_tuning.pricing.find_book``; by default the package's
            list prices.
        beside: of the program's services, one for each output bucket: if this one is refused, the
            buckets that are missing elsewhere are reported, too.
        arguments: the other fields of :class:`vertex_tuning.specs.ServiceSpec`, which names every
            default: ``project``, ``region``, ``output_uri``, ``tuning`` or ``artifacts_uri``,
            ``serving``, ``serve``, ``labels``, ``wait``, ``protect``, ``retrain`` and more.

    Raises:
        InvalidSpec: something in the arguments or in the data is wrong; nothing has been declared.
    """

    endpoint: Output[str | None]
    endpoint_console: Output[str | None]
    address: Output[str | None] | None
    job: Output[str | None]
    job_console: Output[str | None]
    artifacts_uri: Output[str]
    from_stack: Mapping[str, str] | None
    lineage: Output[Mapping[str, Any] | None]
    verdict: Output[Mapping[str, Any] | None] | None
    rejected: Output[Mapping[str, Any] | None]
    phase: Output[str]
    settled: Output[bool]
    estimate: Estimate
    cost: Mapping[str, str]
    outputs: Mapping[str, Any]

    def __init__(
        self,
        name: str,
        opts: ResourceOptions | None = None,
        *,
        datasets: Mapping[str, Dataset] | None = None,
        prices: Book | None = None,
        beside: Sequence[ServiceSpec] = (),
        **arguments: Any,
    ) -> None:
        spec, mistakes = parse({"name": name, **arguments})
        if datasets is None:
            datasets, unfit = read_datasets(arguments.get("tuning"))
            mistakes += unfit
        mistakes += unfit_prompts(arguments.get("serving"))
        promoted, warnings = None, []
        if spec is not None and spec.from_stack is not None:
            try:
                promoted = promotion.read(spec.from_stack)
            except promotion.NotPromotable as error:
                promoted = promotion.served(spec.from_stack, (name, *spec.renamed_from))
                if promoted is None:
                    mistakes.append(Problem("from_stack", str(error)))
                else:
                    warnings.append(f"{error}; {name} keeps its current weights, of {promoted.job}")
        if spec is None or mistakes:
            raise InvalidSpec(f"service {name} is invalid, nothing was changed:\n" + listed(mistakes))
        # Children inherit the name and its aliases.
        former = [Alias(name=old) for old in spec.renamed_from if old != name]
        super().__init__(
            names.COMPONENT, name, {}, ResourceOptions.merge(opts, ResourceOptions(aliases=former))
        )
        if spec.from_stack is not None and promoted is None:
            what = f"what {spec.from_stack.service} of {spec.from_stack.stack} serves"
            warnings.append(
                f"not checked: {what}, because {promotion.OFFLINE} is set; its weights are unknown here"
            )
        warnings += preview_warnings(spec, datasets)
        for warning in warnings:
            pulumi.log.warn(warning, self)
        self._after = opts.depends_on if opts else None
        place = planning.Place(pulumi.get_project(), pulumi.get_stack())
        planned = planning.plan(
            spec, place, datasets, list_prices() if prices is None else prices, promoted, beside
        )
        if prices is None and (old := stale(planned.estimate.bases, dt.datetime.now(dt.UTC).date())):
            pulumi.log.warn(old, self)
        self._declare(spec, planned)

    def _declare(self, spec: ServiceSpec, planned: planning.ServicePlan) -> None:
        own = _urn_of(self)

        def add(kind: type[Any], part: str, inputs: Mapping[str, Any], *after: pulumi.Resource) -> Any:
            name = f"{spec.name}-{part}"
            options = ResourceOptions(
                parent=self, depends_on=[*after] or self._after, protect=spec.protect or None
            )
            return kind(name, {**inputs, "urn": _child(own, kind.__name__, name)}, options)

        made: dict[str, Any] = {}
        for provider in PROVIDERS:
            for part in provider.parts:
                if part.name in planned.parts:
                    after = [made[name] for name in part.after if name in made]
                    inputs = planned.parts[part.name].inputs.declared()
                    made[part.name] = add(provider.resource, part.name, inputs, *after)
        self._show(spec, planned, made)

    def _show(self, spec: ServiceSpec, planned: planning.ServicePlan, made: Mapping[str, Any]) -> None:
        readiness: Readiness = made["readiness"]
        job: TuningJob | None = made.get("job")
        model: TunedModel = made["model"]
        deployed: DeployedModel | None = made.get("deployed")
        self.endpoint = _endpoint_name(deployed, planned.endpoint_name)
        self.endpoint_console = self.endpoint.apply(lambda name: console.endpoint(name) if name else None)
        self.address = _or_none(deployed.address) if deployed else None
        weights, served = planned.of(TunedModelInputs), planned.of(DeployedModelInputs)
        # TunedModel knows the job of a retry.
        tuned = model if spec.tuning and spec.tuning.retry else job
        self.job = (
            _or_none(tuned.job) if tuned else Output.from_input(weights.promoted_job if weights else None)
        )
        self.job_console = self.job.apply(lambda name: console.tuning_job(name) if name else None)
        self.artifacts_uri = _or_none(model.artifacts_uri)
        self.from_stack = spec.from_stack.given() if spec.from_stack else None
        # Older states have it under the input's name.
        self.lineage = Output.all(model.provenance, model.lineage).apply(
            lambda both: both[0] or both[1] or None
        )
        self.verdict = _or_none(deployed.verdict) if deployed else None
        # The old verdict does not apply to the declared model, which is evaluated again.
        declared = served.model_id if served else None
        self.rejected = readiness.rejected.apply(
            lambda found: found if found and found["model"] != declared else None
        )
        self.phase = (deployed or model).phase
        self.settled = self.phase.apply(lambda phase: phase == Phase.READY)
        self.estimate = planned.estimate
        self.cost = planned.estimate.told()
        self.outputs = {name: getattr(self, name) for name in OUTPUTS}
        self.register_outputs(self.outputs)


def _endpoint_name(deployed: DeployedModel | None, asked: str | None) -> Output[str | None]:
    """The endpoint's name from Google, or the requested one until that is known."""
    if deployed is None:
        return Output.from_input(asked)
    named: Output[Any] = deployed.endpoint

    def known(name: Any) -> str | None:
        return name if isinstance(name, str) and name else asked

    return named.apply(known, run_with_unknowns=True)


def _or_none(output: Output[Any]) -> Output[Any]:
    """An observed value; an empty text in the state means none."""
    return output.apply(lambda found: found or None)


def _urn_of(component: ComponentResource) -> pulumi.Input[str | None]:
    """The component's URN as a plain value: an output would wait for the children."""
    try:
        return Output.from_input(component.urn.future())
    except (AttributeError, TypeError):
        # An SDK internal; without it, the URN of a top-level component.
        stack, project = pulumi.get_stack(), pulumi.get_project()
        return f"urn:pulumi:{stack}::{project}::{names.COMPONENT}::{component._name}"


def _child(parent: pulumi.Input[str | None], kind: str, name: str) -> Output[str]:
    """The URN of a child of the component; providers do not get their own."""

    def under(urn: str | None) -> str:
        place, type_, _ = str(urn).rsplit("::", 2)
        return f"{place}::{type_}${names.TYPES}{kind}::{name}"

    return Output.from_input(parent).apply(under)
