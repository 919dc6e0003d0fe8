"""The environment: it names neither host nor user nor path, and fingerprints differ by name."""

from __future__ import annotations

from segprune.records.environment import environment


def test_an_environment_names_neither_host_nor_user_nor_path() -> None:
    import getpass
    import platform

    text = repr(environment())
    assert "/" not in text.replace("Linux/", "")
    for name in (platform.node(), getpass.getuser()):
        # Short names ("root", "vm") may be part of an honest word.
        assert len(name) < 6 or name not in text
