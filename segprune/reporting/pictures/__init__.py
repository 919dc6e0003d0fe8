"""Pictures for people: overlays, panels side by side, and moving ones."""
