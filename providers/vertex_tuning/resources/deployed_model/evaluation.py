"""Judging a new model before callers are answered by it.

Vertex AI has no call that asks a deployed model past the endpoint's traffic split. So a new model is
first deployed to an endpoint of its own, the probe, where nobody but the evaluation asks; it is then
given up, and the model that passed is deployed where callers are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from ... import names, prompts
from ...lifecycle import Context, Observation, Phase, process
from ...sources import as_typed
from ...specs import Evaluation, Match, seconds
from ...vertex.address import known_address
from ...vertex.claim import HeldClaim, Rejection, Verdict
from ...vertex.connection import ENDPOINT
from ...vertex.errors import InvalidRequest, VertexError
from ..endpoint.undeploy import clear, found_on
from . import rejections
from .deploy import label_model, start, under_way
from .inputs import DeployedModelInputs
from .scoring_command import LOOK_SECONDS, run, scored

ASKED_AT_ONCE = 4
NAMED = 10
"""How many prompts that were not answered as expected are named."""
PATIENCE = 3
"""At a share of the traffic, how many times as often a prompt is asked as it takes on average."""
ENOUGH = 0.5
"""The least part of the prompts that the model itself has to answer; with that patience it is about 0.95."""


class Rejected(VertexError):
    """The model is not good enough, by the user's own measure."""


def probe(inputs: DeployedModelInputs) -> DeployedModelInputs:
    """The same deployment on an endpoint of its own."""
    name = f"{inputs.endpoint_display_name[:100]} (evaluation)"
    changes = {"endpoint_id": names.probe(inputs.model_id), "endpoint_display_name": name, "adopted": None}
    return inputs.renamed(changes)


def look(context: Context, inputs: DeployedModelInputs, held: HeldClaim | None) -> Observation | None:
    """Where the evaluation stands; ``None`` when it is over, or begins as soon as the weights are there."""
    there, site = probe(inputs).located(context, held)
    if held is not None and held.claim.verdict is not None:
        if site is None:
            return None
        return Observation(Phase.PARTIAL, {"traffic": 0}, "evaluated; its machines are still to be freed")
    if found_on(site, inputs.registered_id):
        return Observation(Phase.PARTIAL, {"traffic": 0}, "deployed for its evaluation, which is next")
    return under_way(context, there.endpoint, held)


def step(
    context: Context, inputs: DeployedModelInputs, evaluation: Evaluation, held: HeldClaim
) -> HeldClaim | None:
    """The evaluation's next step; ``None`` when there is none left.

    Raises:
        Rejected: the model did not pass.
    """
    there, site = probe(inputs).located(context, held)
    if held.claim.verdict is not None:
        still_passes(context, inputs, evaluation, held)
        if site is None:
            return None
        clear(context, inputs.owns, there.endpoint)
        return held
    mine = found_on(site, inputs.registered_id)
    if not mine:
        return start(context, there, site, held)
    if site is not None and site.traffic.get(mine[0].id, 0) != 100:
        # Only Model Garden's one call gives what it deploys the traffic.
        context.vertex.serving.patch_endpoint(there.endpoint, traffic={mine[0].id: 100})
    label_model(context, there)
    verdict = judge(context, there, evaluation, mine[0].id, share=100)
    return context.claims.note(held, operation="", verdict=verdict)


def still_passes(
    context: Context, inputs: DeployedModelInputs, evaluation: Evaluation, held: HeldClaim
) -> None:
    """Hold an earlier verdict against what is asked for now.

    Raises:
        Rejected: the threshold has been raised above it meanwhile.
    """
    verdict = held.claim.verdict
    if verdict is not None and verdict.score < evaluation.threshold:
        raise _rejected(context, inputs, verdict.score, verdict.n, evaluation.threshold)


def judge(
    context: Context, inputs: DeployedModelInputs, evaluation: Evaluation, deployed_id: str, *, share: int
) -> Verdict:
    """Score a deployed model that has this share of its endpoint's traffic, and tell it.

    Raises:
        Rejected: it is below the threshold.
    """
    by = _by_command if evaluation.command is not None else _by_prompts
    score, n = by(context, inputs, evaluation, deployed_id, share)
    score = shown(score, evaluation.threshold)
    if score < evaluation.threshold:
        raise _rejected(context, inputs, score, n, evaluation.threshold)
    rejections.clear(context, inputs.owner, inputs.model_id)
    process.say(inputs.urn, f"evaluation: {rejections.scored(score, n, evaluation.threshold, 'is')}")
    return Verdict(score=score, n=n, threshold=evaluation.threshold)


def shown(score: float, threshold: float) -> float:
    """The score to four digits, or to as many as leave it on its side of the threshold."""
    rounded = (round(score, digits) for digits in range(4, 17))
    return next((each for each in rounded if (each < threshold) is (score < threshold)), score)


def failed_before(context: Context, inputs: DeployedModelInputs) -> str:
    """That this model failed and is to be tried again, with both demands; empty when it did not fail."""
    found = rejections.last(context, inputs.owner) if inputs.evaluation is not None else None
    if found is None or inputs.evaluation is None or found.model != inputs.model_id:
        return ""
    return (
        f"{rejections.THIS_FAILED}: {rejections.scored(found.score, found.n, found.threshold, 'was')}; "
        f"it is deployed and evaluated anew, and at least {inputs.evaluation.threshold:.16g} is asked for now"
    )


def _rejected(
    context: Context, inputs: DeployedModelInputs, score: float, n: int, threshold: float
) -> Rejected:
    rejected = Rejection(model=inputs.model_id, score=score, n=n, threshold=threshold)
    rejections.note(context, inputs.owner, rejected)
    return Rejected(
        f"evaluation: {rejections.scored(score, n, threshold, 'is')}; "
        "the new model is undeployed, and the old model keeps serving"
    )


def _by_command(
    context: Context, inputs: DeployedModelInputs, evaluation: Evaluation, deployed_id: str, share: int
) -> tuple[float, int]:
    site = context.vertex.serving.endpoint(inputs.endpoint)
    variables = {
        "EVALUATION_ENDPOINT": inputs.endpoint,
        "EVALUATION_ADDRESS": known_address(inputs.endpoint, site, context.connection.endpoint).get(
            "address", ""
        ),
        "EVALUATION_DEPLOYED_MODEL": deployed_id,
        "EVALUATION_MODEL": inputs.model,
        "EVALUATION_TRAFFIC": str(share),
    }
    limit = seconds(evaluation.timeout)
    passed_on = (ENDPOINT, *(evaluation.environment or ()))
    ended = run(evaluation.command or (), evaluation.directory, variables, limit, context.clock, passed_on)
    try:
        found = scored(ended)
    except ValueError as error:
        raise Rejected(f"evaluation: {error}; the new model is undeployed") from error
    return found.score, found.n


def _by_prompts(
    context: Context, inputs: DeployedModelInputs, evaluation: Evaluation, deployed_id: str, share: int
) -> tuple[float, int]:
    path = evaluation.prompts or ""
    try:
        asked = prompts.read(Path(path))
    except ValueError as error:
        raise InvalidRequest(f"evaluation.prompts: {as_typed(path)}: {error}") from error
    end = context.clock.monotonic() + seconds(evaluation.timeout)
    tries = 1 if share == 100 else math.ceil(PATIENCE * 100 / share)

    def answer(prompt: prompts.Prompt) -> bool | None:
        instance = {"prompt": prompt.prompt, "max_tokens": evaluation.max_tokens, "temperature": 0.0}
        for _ in range(tries):
            context.clock.sleep(0.0)  # raises when the engine is asked to stop
            if context.clock.monotonic() > end:
                raise Rejected(
                    f"evaluation: not done after {evaluation.timeout}; the new model is undeployed"
                )
            found = context.vertex.serving.ask(inputs.endpoint, [{**instance, "raw_response": True}])
            if found.deployed_model_id == deployed_id:
                return FITS[evaluation.match](str(found.predictions[0]), prompt.expected)
        return None  # the others answered each time

    found = _at_once(context, answer, asked)
    answers = [fits for fits in found if fits is not None]
    if len(answers) < ENOUGH * len(asked):
        few = f"{len(answers)} of the {len(asked)} prompts" if answers else "none of the prompts"
        raise Rejected(f"evaluation: the new model answered {few}; it is undeployed")
    wrong = [str(number) for number, fits in enumerate(found, start=1) if fits is False]
    if wrong:
        more = f" and {len(wrong) - NAMED:,} more" if len(wrong) > NAMED else ""
        which = f"{', '.join(wrong[:NAMED])}{more} of {as_typed(path)}, counted from 1"
        process.say(inputs.urn, f"evaluation: not as expected are the answers to prompts {which}")
    return sum(answers) / len(answers), len(answers)


def _at_once(
    context: Context, answer: Callable[[prompts.Prompt], bool | None], asked: Sequence[prompts.Prompt]
) -> list[bool | None]:
    """Every answer; when interrupted, it does not wait for running requests."""
    pool = ThreadPoolExecutor(max_workers=ASKED_AT_ONCE)
    try:
        asking = [pool.submit(answer, prompt) for prompt in asked]
        while True:
            done, running = wait(asking, LOOK_SECONDS, FIRST_EXCEPTION)
            if not running or any(each.exception() for each in done):
                break
            context.clock.sleep(0.0)
        for each in done:
            each.result()
        return [each.result() for each in asking]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


FITS: dict[Match, Callable[[str, str], bool]] = {
    Match.EXACT: lambda answer, expected: answer.strip() == expected.strip(),
    Match.CONTAINS: lambda answer, expected: expected.strip() in answer,
}
