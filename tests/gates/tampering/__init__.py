"""Ways to stay green that do not: what is done to a repository, and what the refusal has to say."""

from gates.tampering import figures, file, inputs  # noqa: F401 (they fill the table)
from gates.tampering.registry import TAMPERED, Content

__all__ = ["TAMPERED", "Content"]
