"""`python -m segprune` is the same as `segprune`."""

from segprune.cli import main

main()
