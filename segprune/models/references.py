"""From what a user writes to a network: the name of a built-in one, or `package.module:factory`."""

from __future__ import annotations

import difflib
import importlib
import types
from pathlib import Path
from typing import Any

from torch import nn

from segprune.errors import ModelError
from segprune.models.registry import available, build

__all__ = ["is_reference", "resolve"]


def is_reference(text: str) -> bool:
    """Whether this means a factory of the user's, not a built-in network."""
    return ":" in text


def resolve(text: str, num_classes: int | None = None, aux: bool = True) -> nn.Module:
    """The network that a name or a reference stands for, on the CPU, in evaluation mode.

    Args:
        text: one of `available()`, or `package.module:attribute`, where the attribute is called
            without arguments unless it is a network itself. Dots in the attribute are followed.
        num_classes: of a built-in network; None means 19.
        aux: whether a built-in network gets its auxiliary heads.

    Raises:
        ModelError: no such network, module or attribute; the factory raises or returns something
            else, or a network without numbers; classes were given for a factory, which knows its
            own.
    """
    if not is_reference(text):
        if text not in available():
            remedy = (
                "give a file with --weights, and here the name of its network."
                if Path(text).suffix
                else "write the module's name, a colon and the function that returns your network."
            )
            raise ModelError(
                f"model {text!r}: expected {', '.join(available())} or package.module:factory, "
                f"found {text!r}; {remedy}"
            )
        return build(text, num_classes=19 if num_classes is None else num_classes, aux=aux).eval()
    if num_classes is not None:
        raise ModelError(
            f"model {text}: expected no number of classes for a network of your own, found "
            f"{num_classes}; let the factory decide, and leave the option out."
        )
    found = _attribute(text)
    network = found if isinstance(found, nn.Module) else _called(text, found)
    if not isinstance(network, nn.Module):
        raise ModelError(
            f"model {text}: expected a torch.nn.Module, found {type(network).__name__}; "
            "name a function without arguments that returns the network."
        )
    if any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers())):
        raise ModelError(
            f"model {text}: expected a network with numbers, found one on the meta device, which "
            "has shapes alone; make it on the CPU."
        )
    return network.eval()


def _attribute(text: str) -> Any:
    path, _, name = text.partition(":")
    if not all(part.isidentifier() for part in [*path.split("."), *name.split(".")]):
        raise ModelError(
            f"model {text!r}: expected package.module:factory, found {text!r}; write dots between "
            "modules (no slashes, no .py), one colon, then the function's name."
        )
    found: Any = _module(text, path)
    for part in name.split("."):
        if not hasattr(found, part):
            close = difflib.get_close_matches(part, dir(found), 3, 0.5)
            hint = f"did you mean {', '.join(close)}?" if close else _offer(found)
            raise ModelError(
                f"model {text}: expected an attribute {part!r} in {path}, found none; {hint}"
            )
        found = getattr(found, part)
    return found


def _offer(found: Any) -> str:
    """What a module defines that could have been meant."""
    own = getattr(found, "__name__", None)
    names = [
        name
        for name, value in vars(found).items()
        if callable(value) and getattr(value, "__module__", None) == own
    ]
    return f"it defines {', '.join(names[:8])}." if names else "it defines no function or class."


def _module(text: str, path: str) -> types.ModuleType:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        missing = error.name or path
        if path == missing or path.startswith(f"{missing}."):
            raise ModelError(
                f"model {text}: expected a module {path}, found none ({missing} is not there); "
                "run from the folder that holds it, or install its package."
            ) from error
        raise _failed(text, f"importing {path}", error) from error
    except (Exception, SystemExit) as error:  # a script ends with the latter
        raise _failed(text, f"importing {path}", error) from error


def _called(text: str, factory: Any) -> Any:
    if not callable(factory):
        raise ModelError(
            f"model {text}: expected a function or class that makes the network, found "
            f"{type(factory).__name__}; name a function without arguments."
        )
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise _failed(text, "calling it without arguments", error) from error


def _failed(text: str, action: str, error: BaseException) -> ModelError:
    first = (str(error).splitlines() or [""])[0]
    return ModelError(
        f"model {text}: expected {action} to work, found {type(error).__name__}: {first}; "
        "try it in Python and repair it there."
    )
