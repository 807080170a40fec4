"""A schedule is its seed's: the same again for the same, another for another."""

import os
import subprocess
import sys

from tests.chaos.schedule import DECK, LONGEST_TROUBLE_SECONDS, make_schedule
from tests.support.chaos_evidence import list_kinds
from tests.support.chaos_seeds import ALGORITHMS, MINUTES, SEEDS


def test_a_seed_makes_the_same_schedule_again() -> None:
    assert make_schedule(5, 120, 20) == make_schedule(5, 120, 20)
    assert make_schedule(5, 120, 20) != make_schedule(6, 120, 20)


def test_another_process_makes_the_same_schedule() -> None:
    command = "from tests.chaos.schedule import make_schedule; print(make_schedule(5, 300, 20))"
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        told = subprocess.run(
            [sys.executable, "-c", command], env=environment, check=True, capture_output=True, text=True
        ).stdout
        assert told.strip() == repr(make_schedule(5, 300, 20))


# A market that crashes is a change of its regime.
WHOLE_DECK = set(DECK) - {"crash-market"} | {"regime"}


def test_the_fixed_seeds_together_meet_every_trouble() -> None:
    met = [list_kinds(make_schedule(seed, MINUTES * 60, ALGORITHMS)) for seed in SEEDS]
    assert set().union(*met) >= WHOLE_DECK


def test_a_long_run_meets_every_trouble() -> None:
    assert list_kinds(make_schedule(1, 240, 20)) >= WHOLE_DECK


def test_acts_are_in_order_and_all_trouble_ends() -> None:
    acts = make_schedule(3, 300, 8)
    times = [act.at_seconds for act in acts]
    assert times == sorted(times)
    assert times[-1] <= 300 + LONGEST_TROUBLE_SECONDS
    for begins, ends in (
        ("halt", "activate"),
        ("revoke-key", "restore-key"),
        ("halt-account", "activate-account"),
        ("reduce-account", "activate-account"),
        ("tighten-account", "loosen-account"),
        ("forbid-account-loss", "allow-account-loss"),
        ("narrow-band", "widen-band"),
    ):
        for act in (each for each in acts if each.kind == begins):
            later = [each.kind for each in acts if each.at_seconds > act.at_seconds and each.pod == act.pod]
            assert ends in later
