"""Find what an earlier run left in a network: tensors computed from weights that pruning changes.

A network that keeps its attention biases, or weights it has computed, between runs goes on using
them after channels are gone. Such a store is recognised by emptying it: `forward` still
runs, and fills it again with tensors that depend on parameters and not on the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from segprune.core.execution import is_ours, tensors_in, theirs
from segprune.core.tracing.ir import Node, Program, Value
from segprune.errors import ModelError, SegpruneError

__all__ = ["require_fresh"]

_WATCH = "_segprune_stored"

Prepare = Callable[[nn.Module], str]
"""Changes a copy of the network, and names the method to record."""


def require_fresh(model: nn.Module, record: Callable[[Prepare], Program]) -> None:
    """Refuse a network that holds what an earlier run computed from its parameters.

    Args:
        record: copies the network, passes the copy to a function, and records the method whose
            name the function returns.

    Raises:
        ModelError: an attribute holds such tensors; it is named, with the parameters.
    """
    for path, name in _stores(model):
        try:
            program = record(lambda copy, path=path, name=name: _emptied(copy, path, name))  # type: ignore[misc]
        except SegpruneError:
            raise
        except Exception as error:
            if is_ours(error):
                raise
            continue  # the network needs what is stored there: no cache
        states, inputs = _sources(program)
        if states and not inputs:
            own = f"{path}.{name}" if path else name
            raise ModelError(
                f"{own}: expected nothing of an earlier run, found tensors that were computed from "
                f"{', '.join(sorted(states)[:3])}; a pruned network would go on using them. Clear "
                "it, or prune the network before its first run."
            )


def _stores(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield attributes of the user's modules that hold tensors, but no parameters or buffers."""
    for path, module in model.named_modules():
        if type(module).__module__.startswith("torch.nn."):
            continue
        for name, value in vars(module).items():
            if name in ("_parameters", "_buffers", "_modules"):
                continue
            held = [*value.values()] if isinstance(value, dict) else value
            parts = held if isinstance(held, list) else [held]
            if any(isinstance(p, Tensor) and not isinstance(p, nn.Parameter) for p in parts):
                yield path, name


def _emptied(copy: nn.Module, path: str, name: str) -> str:
    """Empty a store; return the name of a method that runs `forward` and returns what it stored."""
    module: Any = copy.get_submodule(path)
    value = getattr(module, name)
    if isinstance(value, (dict, list)):
        value.clear()
    else:
        setattr(module, name, None)

    def stored(*args: Any, **keywords: Any) -> list[Tensor]:
        theirs(copy, *args, **keywords)
        return tensors_in(getattr(module, name))

    copy.__dict__[_WATCH] = stored
    return _WATCH


def _sources(program: Program) -> tuple[set[str], bool]:
    """Find the states that a program's outputs depend on, and whether they depend on its inputs."""
    makers: dict[int, list[Node]] = {}  # in-place operators write a value several times
    for node in program.nodes:
        for value in node.outputs:
            makers.setdefault(value.index, []).append(node)
    states: set[str] = set()
    seen: set[int] = set()
    waiting: list[Value] = [*program.outputs]
    given = {value.index for value in program.inputs}
    while waiting:
        value = waiting.pop()
        if value.index in seen:
            continue
        seen.add(value.index)
        if value.state is not None:
            states.add(value.state)
        for maker in makers.get(value.index, ()):
            waiting.extend(maker.tensors())
    return states, bool(seen & given)
