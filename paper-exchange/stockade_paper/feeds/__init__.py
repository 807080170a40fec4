"""Where the outside market comes from: `replay` of a recording or the `synthetic` generator.

A feed only yields events in order, each with the seconds since the feed's start; `player.py` waits and applies them.
"""
