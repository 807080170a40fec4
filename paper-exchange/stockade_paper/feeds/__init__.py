"""Where the outside market comes from: a real exchange (`binance`), a recording (`replay`), a generator (`synthetic`).

The last two only yield events in order, each with the seconds since the feed's start, and `player.py` applies them when
they are due; `binance` applies its events as they come.
"""
