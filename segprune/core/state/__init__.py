"""Leave the user's process as it was: generators, modes, globals, caches and closures."""
