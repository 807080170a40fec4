"""The schedules that run on every change: together they meet every trouble of the deck, which a test holds them to."""

SEEDS = (515, 1604, 5041)
MINUTES = 1.0
# As many as two cores carry while other tests run beside them; `make chaos` has 20.
ALGORITHMS = 12
