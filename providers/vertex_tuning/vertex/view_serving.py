"""One view of endpoints and models for all resources of a command: a list answers for each endpoint in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from .. import names
from .client import (
    ContainerSpec,
    Endpoint,
    Logging,
    MachineRequest,
    Operation,
    RegisteredModel,
    RequestLogging,
    Serving,
)
from .memo import Memo, is_expected_absent

Done = TypeVar("Done")


class ServingView:
    """``client.Serving`` that asks another one as seldom as it can.

    What an operation under way changes is asked for again once it is seen to be done.
    """

    def __init__(self, serving: Serving, memo: Memo) -> None:
        self._serving = serving
        self._memo = memo
        self._concerns: dict[str, tuple[str, ...]] = {}
        self._ended: dict[str, Operation] = {}
        # What is always asked: answers to these are about the moment, or asked for once.
        self.recommended_container = serving.recommended_container
        self.fitting_machines = serving.fitting_machines
        self.models = serving.models
        self.ask = serving.ask
        self.under_way = serving.under_way
        self.changing = serving.changing

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint, or ``None``."""
        key, about = ("endpoint", name), _about(name)
        known = self._memo.peek(key, about=about)
        listing = self._memo.peek(("endpoints", *_place(name)), about=about)
        if listing is not None and (known is None or known.asked < listing.asked):
            listed: tuple[Endpoint, ...] = listing.value
            found = next((each for each in listed if _about(each.name) == about), None)
            if found is not None or (is_expected_absent() and not self._memo.changed_at(about)):
                return found
            # What is not in the list may be younger than the list.
        return self._memo.get(key, lambda: self._serving.endpoint(name), about=about)

    def endpoints(self, project: str, region: str) -> tuple[Endpoint, ...]:
        """Every endpoint of a region."""
        return self._memo.get(
            ("endpoints", project, region),
            lambda: self._serving.endpoints(project, region),
            about=("endpoints", region),
        )

    def model(self, name: str) -> RegisteredModel | None:
        """The registered model, or ``None``."""
        return self._memo.get(("model", name), lambda: self._serving.model(name), about=_about(name))

    def operation(self, name: str) -> Operation | None:
        """The operation, or ``None`` when it is no longer known."""
        if name in self._ended:
            return self._ended[name]
        found = self._serving.operation(name)
        if found is None or found.done:
            self._drop(*self._concerns.get(name, ()), name.partition("/operations/")[0])
            if found is not None:
                self._ended[name] = found
                self._drop(*(each for each in (found.endpoint, found.model) if each))
        return found

    def create_endpoint(
        self,
        name: str,
        display_name: str,
        labels: Mapping[str, str],
        psc_projects: tuple[str, ...] | None,
        kms_key: str | None,
        *,
        dedicated: bool = True,
        logging: RequestLogging | None = None,
    ) -> str:
        """Make an empty endpoint under the id at the end of ``name``."""
        return self._starting(
            lambda: self._serving.create_endpoint(
                name, display_name, labels, psc_projects, kms_key, dedicated=dedicated, logging=logging
            ),
            name,
        )

    def patch_endpoint(
        self,
        name: str,
        *,
        display_name: str | None = None,
        labels: Mapping[str, str] | None = None,
        traffic: Mapping[str, int] | None = None,
        logging: RequestLogging | None = None,
    ) -> None:
        """Change what is given; the rest stays."""
        self._changing(
            lambda: self._serving.patch_endpoint(
                name, display_name=display_name, labels=labels, traffic=traffic, logging=logging
            ),
            name,
        )

    def delete_endpoint(self, name: str) -> str | None:
        """Delete an empty endpoint; ``None`` when it is gone already."""
        return self._starting(lambda: self._serving.delete_endpoint(name), name)

    def deploy_weights(
        self,
        endpoint: str,
        endpoint_display_name: str,
        model_id: str,
        model_display_name: str,
        artifacts_uri: str,
        machine: MachineRequest,
        container: ContainerSpec | None,
        *,
        dedicated: bool = True,
        psc_projects: tuple[str, ...] | None = None,
    ) -> str:
        """Model Garden's one call: makes the endpoint, the model and the deployment."""
        project, region = _place(endpoint)
        model = names.model(project, region, model_id)
        return self._starting(
            lambda: self._serving.deploy_weights(
                endpoint,
                endpoint_display_name,
                model_id,
                model_display_name,
                artifacts_uri,
                machine,
                container,
                dedicated=dedicated,
                psc_projects=psc_projects,
            ),
            endpoint,
            model,
        )

    def upload_model(
        self,
        model: str,
        display_name: str,
        artifacts_uri: str,
        container: ContainerSpec,
        labels: Mapping[str, str],
    ) -> str:
        """Register weights and their container under the id at the end of ``model``."""
        return self._starting(
            lambda: self._serving.upload_model(model, display_name, artifacts_uri, container, labels), model
        )

    def label_model(self, model: str, labels: Mapping[str, str]) -> None:
        """Give a registered model these labels, in place of those that it has."""
        self._changing(lambda: self._serving.label_model(model, labels), model)

    def delete_model(self, model: str) -> str | None:
        """Delete a registered model; ``None`` when it is gone already."""
        return self._starting(lambda: self._serving.delete_model(model), model)

    def deploy(
        self,
        endpoint: str,
        model: str,
        display_name: str,
        machine: MachineRequest,
        service_account: str | None,
        logging: Logging,
    ) -> str:
        """Put a registered model on machines of an endpoint, without traffic."""
        return self._starting(
            lambda: self._serving.deploy(endpoint, model, display_name, machine, service_account, logging),
            endpoint,
        )

    def undeploy(self, endpoint: str, deployed_id: str, traffic: Mapping[str, int]) -> str | None:
        """Take it off; ``traffic`` is what the others get. ``None`` when it is off already."""
        return self._starting(lambda: self._serving.undeploy(endpoint, deployed_id, traffic), endpoint)

    def rescale(self, endpoint: str, deployed_id: str, machine: MachineRequest) -> str:
        """Change replicas and autoscaling of a deployed model."""
        return self._starting(lambda: self._serving.rescale(endpoint, deployed_id, machine), endpoint)

    def log_container(self, endpoint: str, deployed_id: str, *, on: bool) -> str:
        """Switch the logs of a deployed model's container on or off."""
        return self._starting(lambda: self._serving.log_container(endpoint, deployed_id, on=on), endpoint)

    def _starting(self, start: Callable[[], Done], *concerns: str) -> Done:
        started = self._changing(start, *concerns)
        if isinstance(started, str):
            self._concerns[started] = concerns
        return started

    def _changing(self, change: Callable[[], Done], *concerns: str) -> Done:
        """Make a change; whatever came of it, what it is about is asked for again."""
        try:
            return change()
        finally:
            self._drop(*concerns)

    def _drop(self, *concerns: str) -> None:
        for name in concerns:
            self._memo.changed(_about(name), ("endpoints", _place(name)[1]))


def _place(name: str) -> tuple[str, str]:
    """The project and the location in a full name."""
    _, project, _, region, *_ = name.split("/")
    return project, region


def _about(name: str) -> tuple[str, ...]:
    """A full name without its project, which may be an id in one answer and a number in another."""
    return tuple(name.partition("@")[0].split("/")[3:])
