"""The paper exchange as a real process against unmodified clients."""
