"""A network and a data set must have the same classes, in the same order."""

from __future__ import annotations

from segprune.data.dataset import SegmentationDataset
from segprune.errors import InputError
from segprune.workflows.open import OpenedNetwork

__all__ = ["check_classes"]


def check_classes(opened: OpenedNetwork, dataset: SegmentationDataset) -> tuple[str, ...]:
    """Compare the classes of a network and of a data set; names that differ are a doubt.

    Raises:
        InputError: other classes, or in another order.
    """
    ours, theirs = opened.classes, dataset.classes.names
    if ours is None or ours == theirs:
        return ()
    if len(ours) != len(theirs):
        raise InputError(
            f"classes: expected the {len(ours)} of {opened.name} ({_few(ours)}), found "
            f"{len(theirs)} of {dataset.name} ({_few(theirs)}); evaluate it on a data set of its "
            "own classes, or map the labels."
        )
    differing = [n for n, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    first = differing[0]
    if sorted(ours) == sorted(theirs):
        raise InputError(
            f"classes: expected the order of {opened.name}, where {first} is {ours[first]!r}, "
            f"found that of {dataset.name}, where it is {theirs[first]!r}; map the labels."
        )
    more = f", and {len(differing) - 1} more have other names" if len(differing) > 1 else ""
    return (
        f"class {first} is {ours[first]!r} in {opened.name} and {theirs[first]!r} in "
        f"{dataset.name}{more}",
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
