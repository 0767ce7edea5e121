"""Services whose models are evaluated, and what the fake's models answer."""

from collections.abc import Callable
from typing import Any

from tests.support.fake import FakeVertex
from vertex_tuning.plan import ServicePlan

Declare = Callable[..., ServicePlan]
Serving = dict[str, Any]


def shares(fake: FakeVertex, plan: ServicePlan) -> dict[str, int]:
    """Per cent of each model on the service's endpoint."""
    assert plan.endpoint_name is not None
    site = fake.serving.endpoint(plan.endpoint_name)
    found = site.deployed if site else ()
    return {each.model.rsplit("/", 1)[1]: site.traffic.get(each.id, 0) for each in found} if site else {}


def id_of(plan: ServicePlan) -> str:
    return str(plan.declared["deployed"]["model_id"])


def right_for(*plans: ServicePlan) -> Callable[[str, str], str]:
    """Models that answer as expected; all others do not."""
    good = {id_of(plan) for plan in plans}
    return lambda model, prompt: f"right {prompt}" if model.rsplit("/", 1)[1] in good else "wrong"


def evaluated(prompts: str, **more: Any) -> Serving:
    return {"evaluation": {"prompts": prompts, "threshold": 0.75}, **more}
