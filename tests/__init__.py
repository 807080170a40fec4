"""Every test of Stockade, a folder per tier."""
