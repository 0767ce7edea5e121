"""Observe, decide, act: the loop behind every create and update."""

from __future__ import annotations

from collections.abc import Callable

from ..vertex.claim import HeldClaim
from ..vertex.claims import ClaimChanged
from ..vertex.errors import NoCapacity, VertexError
from ..vertex.failures import Step, step_after
from ..vertex.memo import newer_than, tick
from .external import Context, External, In_contra
from .phases import Decision, Observation, Phase, decide
from .process import Interrupted
from .waiting import Waiting

UNANSWERED = "the next `pulumi up` goes on with it"
NEXT_UP = "waits for capacity; the next `pulumi up` asks again, and nothing is billed"


class NotReady(VertexError):
    """The resource ended in a state from which it does not become ready by itself."""


def settle(
    external: External[In_contra],
    context: Context,
    inputs: In_contra,
    held: HeldClaim | None,
    say: Callable[[str], None],
    undo: Callable[[], None],
    untouched: Callable[[], None] = lambda: None,
) -> Observation:
    """Bring a resource as far as it gets now: to ready when waiting, else one step on.

    ``undo`` is called when it failed or a step was refused; not when a look failed or a step passes by
    itself, because what is under way may well succeed, and the next run goes on with it. ``untouched`` is
    called when it was ready before anything was done.

    Returns:
        The last look.

    Raises:
        NotReady: it failed or is lost; the text is the reason.
        Interrupted: the engine was asked to stop; the text is the last observation's reason.
        VertexError: Google refused a step.
    """
    waiting, untried, last_look = Waiting(context, say), True, 0
    while True:
        # A look sees nothing that the last one has seen already, but what others have asked for since.
        with newer_than(last_look):
            seen = external.observe(context, inputs, held)
        looked = tick()
        match decide(seen.phase, wait=inputs.wait):
            case Decision.SUBMIT:
                try:
                    with newer_than(last_look):
                        held = external.submit(context, inputs, held)
                    waiting.answered()
                except Interrupted as stopped:
                    why = f"{seen.reason or seen.phase.value} ({stopped})"
                    raise Interrupted(why, under_way=stopped.under_way) from None
                except ClaimChanged:
                    waiting.look_again(seen)
                except VertexError as refused:
                    match step_after(refused, in_line=external.waits_in_line):
                        case Step.LINE:
                            seen = Observation(Phase.BLOCKED, seen.live, f"waits in line: {refused}")
                            if not inputs.wait:
                                return seen
                            waiting.look_again(seen)
                        case Step.ASKS:
                            if not inputs.wait:
                                return Observation(Phase.BLOCKED, seen.live, f"{NEXT_UP}: {refused}")
                            try:
                                waiting.for_capacity(seen, refused)
                            except NoCapacity:
                                undo()
                                raise
                        case Step.LOOKS:
                            if not inputs.wait:
                                return Observation(Phase.BLOCKED, seen.live, f"{UNANSWERED}: {refused}")
                            waiting.for_answer(seen, refused)
                        case Step.LEFT:
                            raise
                        case Step.FAILS:
                            undo()
                            raise
            case Decision.WAIT:
                waiting.look_again(seen)
            case Decision.SETTLED:
                if untried and seen.phase is Phase.READY:
                    untouched()
                return seen
            case Decision.STOP:
                undo()
                raise NotReady(seen.reason or seen.phase.value)
        untried, last_look = False, looked
        # Others who want the same thing write into the claim too.
        held = context.claims.again(held) if held is not None else None
