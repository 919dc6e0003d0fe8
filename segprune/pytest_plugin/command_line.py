"""The command line of this run: options that leave tests out, and the paths it looks into.

Settings are `addopts`, the variable PYTEST_ADDOPTS, and files of options (`pytest @file`). A user
knows what an option on the command line leaves out, and may not know what settings leave out.
"""

from __future__ import annotations

import contextlib
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from _pytest.config import PrintHelp

__all__ = [
    "asks_for_no_session", "chose_among_tests", "collected_all", "collected_part",
    "collected_whole", "in_settings", "is_below", "is_on_command_line", "named_paths", "only_looks",
    "require_a_session", "searched_paths",
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


# ---------------------------------------------------------------- options


def is_on_command_line(config: pytest.Config, name: str) -> bool:
    """Return whether the command line has an option, by the name of its attribute."""
    return bool(getattr(_parsed(config), name, False))


def in_settings(config: pytest.Config) -> list[str]:
    """Return the options in settings that leave tests out."""
    known = {**_CHOICES, **_LOOKS, **_BENCHMARKS}
    return list(_from_settings(config, known))


def chose_among_tests(config: pytest.Config) -> bool:
    """Return whether the command line leaves tests out: by `-k`, `-m` and the like, or by ids."""
    return any(is_on_command_line(config, name) for name in _CHOICES) or any(
        "::" in path for path in named_paths(config)
    )


def only_looks(config: pytest.Config) -> bool:
    """Return whether the command line shows tests in place of running them."""
    return any(is_on_command_line(config, name) for name in _LOOKS)


def asks_for_no_session(config: pytest.Config) -> bool:
    """Return whether the command line shows something else than tests, such as fixtures."""
    return any(is_on_command_line(config, name) for name in _NO_SESSION)


def require_a_session(config: pytest.Config) -> None:
    """Refuse settings that make every run show something, and judge nothing.

    Raises:
        pytest.UsageError: the option is in settings.
    """
    for option in _from_settings(config, _NO_SESSION):
        raise pytest.UsageError(
            f"settings: expected tests to be run, found {option}, which shows something instead "
            "in every run; take it out of addopts, PYTEST_ADDOPTS or the file of options."
        )


def _parsed(config: pytest.Config) -> Namespace:
    """Parse the command line alone with pytest's own parser, which knows forms like `-vk size`.

    A file of options is left out, because it is committed once and read in every run.
    """
    if _KEY not in config.stash:
        given = (str(argument) for argument in config.invocation_params.args)
        arguments = [argument for argument in given if not argument.startswith("@")]
        found = Namespace()
        with contextlib.suppress(PrintHelp):  # older versions of pytest stop at --help
            config._parser.parse_known_args(arguments, found)
        config.stash[_KEY] = found
    return config.stash[_KEY]


def _from_settings(config: pytest.Config, known: Mapping[str, str]) -> Iterable[str]:
    return (
        option
        for name, option in known.items()
        if getattr(config.option, name, None) and not is_on_command_line(config, name)
    )


# ---------------------------------------------------------------- paths


def named_paths(config: pytest.Config) -> list[str]:
    """Return the files, folders and tests of the command line."""
    return [str(path) for path in getattr(_parsed(config), "file_or_dir", None) or ()]


def searched_paths(config: pytest.Config) -> list[Path]:
    """Return the files and folders that tests are looked for in.

    A conftest may change `config.args`; the command line or the settings count.
    """
    here = config.invocation_params.dir
    if config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR:
        return [here.resolve()]
    named = [] if config.getoption("pyargs", False) else named_paths(config)
    return [(here / str(path).partition("::")[0]).resolve() for path in named or config.args]


def collected_all(config: pytest.Config) -> bool:
    """Return whether tests were looked for everywhere: in the root, or wherever settings say.

    A run without paths that starts in a folder below the root looks for tests only there.
    """
    in_invocation_dir = config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR
    if not named_paths(config) and not in_invocation_dir:
        return True
    return is_below(config.rootpath, searched_paths(config))


def collected_whole(config: pytest.Config, folder: Path) -> bool:
    """Return whether all tests of a folder were looked for, and not only some of its files."""
    if collected_all(config):
        return True
    if config.getoption("pyargs", False):  # modules: their folders are not known
        return not is_on_command_line(config, "pyargs")
    return is_below(folder, [path for path in searched_paths(config) if path.is_dir()])


def collected_part(config: pytest.Config, folder: Path) -> bool:
    """Return whether any test of a folder was looked for: of all its files, or of one of them."""
    if collected_whole(config, folder):
        return True
    return is_below(folder, [path.parent for path in searched_paths(config) if path.is_file()])


def is_below(path: Path, folders: list[Path]) -> bool:
    """Return whether a file or folder lies in one of these folders, or is one of them."""
    return any(path.resolve().is_relative_to(folder) for folder in folders)
