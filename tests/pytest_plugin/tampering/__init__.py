"""Ways to stay green that do not: what is done to a repository, and what the refusal has to say."""

from pytest_plugin.tampering import figures, file, inputs  # noqa: F401 (they fill the table)
from pytest_plugin.tampering.registry import TAMPERED, Content

__all__ = ["TAMPERED", "Content"]
