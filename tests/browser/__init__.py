"""browser: the panel in a real Chromium."""
