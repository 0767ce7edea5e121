"""Traffic splits: pure decisions on which deployed model answers."""

from vertex_emulator.wire.errors import invalid, precondition

NEW = "0"
"""In a split of a deploy request: the model that is just being deployed."""

Split = dict[str, int]


def check_split(split: Split, deployed: set[str]) -> None:
    """A split names deployed models only and adds up to 100, or is empty. Raises INVALID_ARGUMENT."""
    if not split:
        return
    unknown = sorted(set(split) - deployed)
    if unknown:
        raise invalid(f"The traffic split names models that are not deployed: {', '.join(unknown)}.")
    if any(not 0 <= share <= 100 for share in split.values()) or sum(split.values()) not in {0, 100}:
        raise invalid(f"The traffic split must add up to 100, got {sum(split.values())}.")


def after_deploy(before: Split, asked: Split | None, new: str, deployed: set[str]) -> Split:
    """The split once `new` is deployed; without one in the request it stays as it was.

    `deployed` are the models that were there before.
    """
    if not asked:
        return before
    split = {new if key == NEW else key: share for key, share in asked.items()}
    check_split(split, deployed | {new})
    return _told(split)


def after_undeploy(before: Split, asked: Split | None, gone: str, left: set[str]) -> Split:
    """The split once `gone` is undeployed.

    Raises FAILED_PRECONDITION when traffic would be lost: a model is undeployed only if it has no traffic, or
    the request takes the traffic away, or it is the last one.
    """
    if not left:
        return {}
    if asked:
        check_split(asked, left)
        return _told(asked)
    if before.get(gone, 0) > 0:
        raise precondition(
            f"DeployedModel {gone} cannot be undeployed: it receives {before[gone]}% of the traffic. Give a "
            "traffic split that moves it elsewhere."
        )
    return {key: share for key, share in before.items() if key != gone}


def after_replace(before: Split, old: str, new: str) -> Split:
    """The split once a rolling deployment has put `new` in the place of `old`."""
    return {new if key == old else key: share for key, share in before.items()}


def choose(split: Split, point: float) -> str | None:
    """The deployed model that answers, for a random `point` in [0, 1); None when none has traffic."""
    mark = point * sum(split.values())
    for key, share in split.items():
        if mark < share:
            return key
        mark -= share
    return None


def _told(split: Split) -> Split:
    return dict(split) if sum(split.values()) else {}
