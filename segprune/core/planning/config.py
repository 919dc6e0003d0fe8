"""`PruneConfig`: the options of a plan in one immutable object, checked when it is made.

The keywords of `make_plan`, the options of `segprune prune`, a recipe's section `[pruning]` and the
cells of a sweep all become this object, so they have the same names, limits and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from segprune.errors import BudgetError, InputError, PlanError

if TYPE_CHECKING:
    from torch import nn

    from segprune.core.planning.importance import Importance

__all__ = ["KINDS", "PruneConfig", "check"]

KINDS = ("macs", "params", "channels")
"""What a budget can count."""

_USUAL = MappingProxyType({"macs": 0.5})


@dataclass(frozen=True)
class PruneConfig:
    """How much should go, from where, and by which ranking.

    An importance's name and globs over layers are looked up when a plan is made, because they
    depend on the network and on what is registered by then.

    Attributes:
        budget: the share kept of `{"macs": …}`, `{"params": …}` or `{"channels": …}` (of the
            prunable ones), in (0, 1]; `{"macs": 0.5}` where `layers` is missing, too.
        layers: globs over layer names -> share kept, in (0, 1]; in place of a budget.
        importance: a name (`importances()` lists them) or a function from `Evidence` to scores.
        scope: "global" ranks all channels together; "local" keeps the same share of every layer.
        round_to: widths become multiples of this, or stay as they are.
        ignored_layers: modules, or globs over module names, whose output channels all stay.
        floor: least share of its channels that a layer keeps.
        min_channels: least number of channels that a layer keeps.
        normalize: divide scores by their mean within each layer.
        cost_aware: rank channels by score ÷ what removing them saves now, in the budget's unit.
        seed: for importances that draw numbers.

    Raises:
        BudgetError: a budget or a layer's share is malformed, or beside `layers`.
        PlanError: unknown scope, or no layers in `layers`.
        InputError: another field has the wrong form.
    """

    budget: Mapping[str, float] | None = field(default=None, hash=False)
    layers: Mapping[str, float] | None = field(default=None, hash=False)
    importance: str | Importance = "magnitude"
    scope: str = "global"
    round_to: int = 1
    ignored_layers: Sequence[nn.Module | str] = ()
    floor: float = 0.1
    min_channels: int = 4
    normalize: bool = True
    cost_aware: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in _CHECKS:
            object.__setattr__(self, name, check(name, getattr(self, name)))
        if self.layers is None and self.budget is None:
            object.__setattr__(self, "budget", _USUAL)
        elif self.layers is not None and self.budget is not None:
            raise BudgetError(
                "budget: expected none beside layers, found both; the shares of the layers alone "
                "decide how much goes. Leave one out."
            )
        if self.cost_aware and (self.layers is not None or self.scope != "global"):
            raise InputError(
                "cost_aware: expected a budget over all layers (scope 'global'), found "
                f"{'layers' if self.layers is not None else self.scope}, where layers are not "
                "ranked against each other; leave one out."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {"budget": _copy(self.budget), "layers": _copy(self.layers)}
        return PruneConfig, tuple(values.values())

    def to_plain(self) -> dict[str, Any]:
        """Return all fields as JSON holds them; functions and modules by their names."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return plain | {
            "budget": _copy(self.budget),
            "layers": _copy(self.layers),
            "importance": _name_of(self.importance),
            "ignored_layers": [
                item if isinstance(item, str) else type(item).__name__
                for item in self.ignored_layers
            ],
        }


def check(name: str, value: Any) -> Any:
    """Check the value of one field, and return it in the form that `PruneConfig` keeps.

    Raises:
        SegpruneError: the value does not fit; the message begins with the field's name.
    """
    return _CHECKS[name](value) if name in _CHECKS else value


def _name_of(importance: Any) -> str:
    if isinstance(importance, str):
        return importance
    return str(getattr(importance, "__name__", type(importance).__name__))


def _copy(shares: Mapping[str, float] | None) -> dict[str, float] | None:
    return None if shares is None else dict(shares)


# -- one check a field -----------------------------------------------------------------------------


def _budget(budget: Any) -> Mapping[str, float] | None:
    if budget is None:
        return None
    if not isinstance(budget, Mapping) or len(budget) != 1 or next(iter(budget)) not in KINDS:
        raise BudgetError(
            f"budget: expected one of {{'macs': share}}, {{'params': share}}, "
            f"{{'channels': share}}, found {budget!r}."
        )
    return MappingProxyType({kind: _share(f"budget[{kind!r}]", s) for kind, s in budget.items()})


def _layers(layers: Any) -> Mapping[str, float] | None:
    if layers is None:
        return None
    if not isinstance(layers, Mapping) or not layers:
        found = "an empty mapping" if isinstance(layers, Mapping) else repr(layers)
        raise PlanError(
            f"layers: expected at least one layer glob with the share to keep, found {found}."
        )
    for glob in layers:
        if not isinstance(glob, str):
            raise PlanError(
                f"layers: expected globs over layer names, found {type(glob).__name__}."
            )
    return MappingProxyType({glob: _share(f"layers[{glob!r}]", s) for glob, s in layers.items()})


def _share(where: str, share: Any) -> float:
    known = isinstance(share, (int, float)) and not isinstance(share, bool)
    if known and 0 < share <= 1:
        return float(share)
    hint = f"{share:g} percent is {share / 100:g}" if known and 1 < share <= 100 else "0.5 is half"
    raise BudgetError(
        f"{where}: expected the share to keep, above 0 and at most 1, found {share!r}; {hint}."
    )


def _scope(scope: Any) -> str:
    if scope not in ("global", "local"):
        raise PlanError(
            f"scope: expected 'global' or 'local', found {scope!r}; the option layers takes shares "
            "of single layers."
        )
    return str(scope)


def _at_least_one(name: str) -> Callable[[Any], int]:
    def checked(number: Any) -> int:
        if type(number) is not int or number < 1:
            raise InputError(f"{name}: expected a whole number of at least 1, found {number!r}.")
        return number

    return checked


def _ignored_layers(items: Any) -> tuple[nn.Module | str, ...]:
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise InputError(
            f"ignored_layers: expected a list of modules or name globs, found {items!r}; put it "
            "into a list."
        )
    found = tuple(items)
    for item in found:
        if not isinstance(item, str) and not hasattr(item, "named_modules"):
            raise InputError(
                f"ignored_layers: expected modules or name globs, found {type(item).__name__}."
            )
    return found


def _floor(floor: Any) -> float:
    if not isinstance(floor, (int, float)) or not 0 <= floor <= 1:
        raise InputError(f"floor: expected a share in [0, 1], found {floor!r}.")
    return floor


def _flag(name: str, meaning: str) -> Callable[[Any], bool]:
    def checked(value: Any) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{name}: expected True or False, found {value!r}; {meaning}")
        return value

    return checked


def _seed(seed: Any) -> int:
    if type(seed) is not int:
        raise InputError(f"seed: expected a whole number, found {seed!r}; 0 is the usual one.")
    return seed


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "budget": _budget,
    "layers": _layers,
    "scope": _scope,
    "round_to": _at_least_one("round_to"),
    "ignored_layers": _ignored_layers,
    "floor": _floor,
    "min_channels": _at_least_one("min_channels"),
    "normalize": _flag("normalize", "True compares layers by scores divided by their mean."),
    "cost_aware": _flag("cost_aware", "True divides scores by what removing a channel saves."),
    "seed": _seed,
}
