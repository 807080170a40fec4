"""A schedule is its seed's: the same again for the same, another for another."""

from tests.chaos.schedule import DECK, LONGEST_TROUBLE_SECONDS, make_schedule
from tests.support.chaos_evidence import list_kinds


def test_a_seed_makes_the_same_schedule_again() -> None:
    assert make_schedule(5, 120, 20) == make_schedule(5, 120, 20)
    assert make_schedule(5, 120, 20) != make_schedule(6, 120, 20)


def test_a_long_run_meets_every_trouble() -> None:
    assert list_kinds(make_schedule(1, 180, 20)) >= set(DECK) - {"crash-market"}


def test_acts_are_in_order_and_all_trouble_ends() -> None:
    acts = make_schedule(3, 300, 8)
    times = [act.at_seconds for act in acts]
    assert times == sorted(times)
    assert times[-1] <= 300 + LONGEST_TROUBLE_SECONDS
    for begins, ends in (("halt", "activate"), ("revoke-key", "restore-key"), ("halt-account", "activate-account")):
        for act in (each for each in acts if each.kind == begins):
            later = [each.kind for each in acts if each.at_seconds > act.at_seconds and each.pod == act.pod]
            assert ends in later
