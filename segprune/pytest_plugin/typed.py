"""What was typed for this very run, in contrast to what a file of settings or a conftest says.

Somebody who types a choice knows what is left out; what settings leave out, nobody chose today.
"""

from __future__ import annotations

from argparse import Namespace

import pytest

__all__ = ["chose_among_tests", "named_paths", "only_looks", "require_a_session", "typed"]

_CHOICES = (
    "keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "stepwise_skip",
)  # fmt: skip
_LOOKS = ("collectonly", "setuponly", "setupplan", "showfixtures", "show_fixtures_per_test")
_NO_SESSION = ("showfixtures", "show_fixtures_per_test", "markers", "cacheshow")

_KEY: pytest.StashKey[Namespace] = pytest.StashKey()


def typed(config: pytest.Config) -> Namespace:
    """The command line alone, as pytest's own parser understands it: `-vk size` and all."""
    if _KEY not in config.stash:
        arguments = [str(argument) for argument in config.invocation_params.args]
        config.stash[_KEY] = config._parser.parse_known_args(arguments)
    return config.stash[_KEY]


def chose_among_tests(config: pytest.Config) -> bool:
    """Whether it leaves tests out: by `-k`, `-m`, `--deselect` and their like, or by their ids."""
    given = typed(config)
    return any(getattr(given, name, None) for name in _CHOICES) or any(
        "::" in path for path in named_paths(config)
    )


def only_looks(config: pytest.Config) -> bool:
    """Whether it asks for tests to be shown, and not run."""
    return any(getattr(typed(config), name, False) for name in _LOOKS)


def require_a_session(config: pytest.Config) -> None:
    """Settings that make every run show something, and judge nothing, are a mistake.

    Raises:
        pytest.UsageError: the option was not typed.
    """
    for name in _NO_SESSION:
        if getattr(config.option, name, False) and not getattr(typed(config), name, False):
            raise pytest.UsageError(
                f"settings: expected tests to be run, found an option ({name}) that shows "
                "something instead, whatever is typed; take it out of addopts."
            )


def named_paths(config: pytest.Config) -> list[str]:
    """Files, folders and tests that it names."""
    return [str(path) for path in getattr(typed(config), "file_or_dir", None) or ()]
