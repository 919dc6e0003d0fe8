"""How help texts are laid out."""

from __future__ import annotations

import inspect

__all__ = ["unfolded"]


def unfolded(text: str | None) -> str:
    """Join the lines of each paragraph of a docstring, so that the terminal can fold them itself.

    Indented lines, such as examples, stay as they are.
    """
    paragraphs: list[str] = []
    for block in inspect.cleandoc(text or "").split("\n\n"):
        lines = block.split("\n")
        stays = any(line.startswith(" ") for line in lines)
        paragraphs.append(block if stays else " ".join(lines))
    return "\n\n".join(paragraphs)
