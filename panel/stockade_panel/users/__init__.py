"""Users of the panel, for an administrator."""
