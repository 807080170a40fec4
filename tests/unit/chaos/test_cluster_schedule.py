"""The cluster's schedule: each trouble in every run and its end, and an operator that ends amid something pending."""

import pytest

from tests.cluster.chaos.instructions import Instruction, Instructions
from tests.cluster.chaos.schedule import DECK, OPERATOR_ENDS, PAIRS, PENDING, make_schedule

SEEDS = range(30)


def test_a_seed_makes_the_same_schedule_again() -> None:
    assert make_schedule(5, 100, 5) == make_schedule(5, 100, 5)
    assert make_schedule(5, 100, 5) != make_schedule(6, 100, 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_happens_and_all_trouble_ends(seed: int) -> None:
    acts = make_schedule(seed, 100, 5)
    assert {act.kind for act in acts} >= {*DECK, *OPERATOR_ENDS}
    assert [act.at_seconds for act in acts] == sorted(act.at_seconds for act in acts)
    for act in acts:
        if act.kind in PAIRS:
            later = [each for each in acts if each.at_seconds > act.at_seconds and each.pod == act.pod]
            assert PAIRS[act.kind] in {each.kind for each in later}


@pytest.mark.parametrize("seed", SEEDS)
def test_something_is_pending_whenever_the_operator_ends(seed: int) -> None:
    acts = make_schedule(seed, 100, 5)
    for kind in OPERATOR_ENDS:
        (end,) = [act for act in acts if act.kind == kind]
        near = [act.kind for act in acts if abs(act.at_seconds - end.at_seconds) < 0.5]
        assert set(near) & set(PENDING)


def test_an_instruction_is_obeyed_once_its_generation_its_trading_and_its_lease_are() -> None:
    told = Instructions()
    told.every.append(Instruction(1000, "Halted", {}, account_generation=3))
    told.confirm(9, "Halted", 9, 1500)
    assert not told.are_obeyed, "it is not written yet"
    told.newest.generation = 2
    for seen in ((1, "Halted", 3), (2, "Active", 3), (2, "Halted", 2)):
        told.confirm(*seen, 2000)
        assert not told.are_obeyed
    told.confirm(2, "Halted", 3, 2500)
    assert told.are_obeyed
    assert told.list_periods()[0].acknowledged_ms == 2500


def test_an_instruction_that_a_later_one_overtook_was_heard_all_the_same() -> None:
    told = Instructions()
    first = Instruction(1000, "Halted", {}, account_generation=0, generation=2)
    told.every += [first, Instruction(2000, "Active", {}, account_generation=0, generation=3)]
    told.confirm(1, "Active", 0, 3000)
    assert (first.told_ms, told.newest.told_ms) == (None, None)
    told.confirm(3, "Active", 0, 4000)
    assert (first.told_ms, first.acknowledged_ms, told.newest.acknowledged_ms) == (4000, None, 4000)
