"""How a resource ends that does not become ready though Google refused nothing; see docs/failures.md."""

from __future__ import annotations

from typing import NamedTuple

from ..vertex.errors import VertexError
from .deadline import DeadlinePassed
from .process import Interrupted
from .settle import NotReady


class End(NamedTuple):
    """One way to end: when it comes, what is done, and what the user does."""

    kind: type[VertexError]
    when: str
    done: str
    mend: str


ENDS = (
    End(
        NotReady,
        "a tuning job failed or was cancelled",
        "it stays in the state with Vertex AI's own message; run again only where `tuning.retry` covers it "
        "and `retrain` is not `deny`",
        "fix the cause, then raise `attempt`",
    ),
    End(
        NotReady,
        "a tuning job is gone, and its weights too",
        "it stays in the state as lost; nothing is paid for again by itself",
        "set `attempt` one higher",
    ),
    End(
        NotReady,
        "a deployment failed after it had begun",
        "the new deployment is undeployed; the old model keeps serving",
        "fix what the message names, then `pulumi up`",
    ),
    End(
        DeadlinePassed,
        "the deadline of `reconcile --deadline` passed",
        "the job is cancelled, the deployment undeployed, unless it serves or has waiters",
        "`pulumi up` with more time",
    ),
    End(
        Interrupted,
        "Ctrl-C or SIGTERM",
        "what is under way goes on; the line says what it costs",
        "`pulumi up` waits again, `pulumi destroy` ends it",
    ),
)
