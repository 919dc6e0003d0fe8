"""Names and colours of a network's classes, from whatever is known about it."""

from __future__ import annotations

from collections.abc import Sequence

from segprune.data.classes import CAMVID, CITYSCAPES, ClassTable
from segprune.errors import InputError

__all__ = ["class_table"]

_TABLES = {"streets": CAMVID, "camvid": CAMVID, "cityscapes": CITYSCAPES}


def class_table(
    count: int, names: Sequence[str] | None = None, data: str | None = None
) -> ClassTable:
    """The class table of a network.

    Args:
        count: how many classes it has.
        names: of its classes, if they are known.
        data: name of the data set it was trained on, which knows names and colours where `names`
            is None. Names of other data sets are ignored.

    Raises:
        InputError: the names or the data set are of another number of classes.
    """
    if names is not None:
        if len(names) != count:
            raise InputError(
                f"classes: expected names of the network's {count} classes, found {len(names)} "
                "names; save the file again with the right ones."
            )
        known = (table for table in _TABLES.values() if table.names == tuple(names))
        return next(known, None) or ClassTable(tuple(names))
    if data not in _TABLES:
        return ClassTable(tuple(f"class {index}" for index in range(count)))
    if len(_TABLES[data]) != count:
        raise InputError(
            f"data: expected a data set of {count} classes, which the network has, found {data} "
            f"with {len(_TABLES[data])}; name another one, or leave it out."
        )
    return _TABLES[data]
