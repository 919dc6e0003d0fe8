"""Find what was typed for this very run, in contrast to what settings or a conftest say.

Settings are `addopts`, the variable PYTEST_ADDOPTS, and files of options (`pytest @file`). Whoever
types a choice knows what it leaves out; whoever runs pytest with settings may not know it.
"""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterable, Mapping

import pytest
from _pytest.config import PrintHelp

__all__ = [
    "asks_for_no_session", "chose_among_tests", "in_settings", "is_typed", "named_paths",
    "only_looks", "require_a_session", "typed",
]  # fmt: skip

_CHOICES = {
    "keyword": "-k", "markexpr": "-m", "deselect": "--deselect", "ignore": "--ignore",
    "ignore_glob": "--ignore-glob", "lf": "--lf", "stepwise": "--stepwise",
    "stepwise_skip": "--stepwise-skip",
}  # fmt: skip
_LOOKS = {"collectonly": "--collect-only", "setuponly": "--setup-only", "setupplan": "--setup-plan"}
_NO_SESSION = {
    "help": "--help", "version": "--version", "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test", "markers": "--markers",
    "cacheshow": "--cache-show",
}  # fmt: skip
_BENCHMARKS = {"benchmark_only": "--benchmark-only", "benchmark_skip": "--benchmark-skip"}

_KEY: pytest.StashKey[Namespace] = pytest.StashKey()


def typed(config: pytest.Config) -> Namespace:
    """Parse the command line alone with pytest's own parser, which knows forms like `-vk size`.

    A file of options is left out: it is committed once, and read in every run.
    """
    if _KEY not in config.stash:
        given = (str(argument) for argument in config.invocation_params.args)
        arguments = [argument for argument in given if not argument.startswith("@")]
        found = Namespace()
        with contextlib.suppress(PrintHelp):  # older versions of pytest stop at --help
            config._parser.parse_known_args(arguments, found)
        config.stash[_KEY] = found
    return config.stash[_KEY]


def is_typed(config: pytest.Config, name: str) -> bool:
    """Return whether an option was typed, by the name of its attribute."""
    return bool(getattr(typed(config), name, False))


def in_settings(config: pytest.Config) -> list[str]:
    """Return the options that leave tests out and were not typed."""
    known = {**_CHOICES, **_LOOKS, **_BENCHMARKS}
    return list(_untyped(config, known))


def chose_among_tests(config: pytest.Config) -> bool:
    """Whether it leaves tests out: by `-k`, `-m`, `--deselect` and their like, or by their ids."""
    return any(is_typed(config, name) for name in _CHOICES) or any(
        "::" in path for path in named_paths(config)
    )


def only_looks(config: pytest.Config) -> bool:
    """Whether it asks for tests to be shown, and not run."""
    return any(is_typed(config, name) for name in _LOOKS)


def asks_for_no_session(config: pytest.Config) -> bool:
    """Return whether the run does something other than tests, such as listing fixtures."""
    return any(is_typed(config, name) for name in _NO_SESSION)


def require_a_session(config: pytest.Config) -> None:
    """Refuse settings that make every run show something, and judge nothing.

    Raises:
        pytest.UsageError: the option was not typed.
    """
    for option in _untyped(config, _NO_SESSION):
        raise pytest.UsageError(
            f"settings: expected tests to be run, found {option}, which shows something instead "
            "in every run; take it out of addopts, PYTEST_ADDOPTS or the file of options."
        )


def named_paths(config: pytest.Config) -> list[str]:
    """Files, folders and tests that it names."""
    return [str(path) for path in getattr(typed(config), "file_or_dir", None) or ()]


def _untyped(config: pytest.Config, known: Mapping[str, str]) -> Iterable[str]:
    return (
        option
        for name, option in known.items()
        if getattr(config.option, name, None) and not is_typed(config, name)
    )
