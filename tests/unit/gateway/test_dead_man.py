"""The dead man's switch: once per silence, from the last sign of life."""

from stockade_gateway.control import DeadMan, StopAction
from stockade_gateway.dead_man import DeadManSwitch

RULE = DeadMan(after_seconds=60, action=StopAction.FLATTEN)


def test_it_fires_once_and_again_only_after_a_sign_of_life() -> None:
    switch = DeadManSwitch(1000)
    assert switch.take_due_action(RULE, 1059) is None
    assert switch.take_due_action(RULE, 1060) is StopAction.FLATTEN
    assert switch.take_due_action(RULE, 2000) is None
    switch.note_life(2000)
    assert switch.take_due_action(RULE, 2059) is None
    assert switch.take_due_action(RULE, 2060) is StopAction.FLATTEN


def test_one_that_comes_anew_counts_as_alive_once_it_stays() -> None:
    switch = DeadManSwitch(0)
    switch.note_start(0)
    switch.note_end()
    switch.note_start(55)
    switch.note_life(56)
    assert switch.take_due_action(RULE, 61) is None, "it may be well again"
    switch.note_life(65)
    assert switch.take_due_action(RULE, 124) is None
    assert switch.take_due_action(RULE, 125) is StopAction.FLATTEN


def test_one_that_crashes_at_every_start_is_dead_and_what_it_left_each_time_is_dealt_with() -> None:
    switch = DeadManSwitch(0)
    switch.note_start(0)
    switch.note_end()
    for start in (10, 30, 55):
        switch.note_start(start)
        switch.note_life(start + 1)
        switch.note_end()
        assert switch.take_due_action(RULE, start + 2) is None
    assert switch.take_due_action(RULE, 60) is StopAction.FLATTEN
    switch.note_start(135)
    assert switch.take_due_action(RULE, 136) is None
    switch.note_end()
    assert switch.take_due_action(RULE, 137) is StopAction.FLATTEN


def test_one_that_hangs_at_its_new_start_is_dead() -> None:
    switch = DeadManSwitch(0)
    switch.note_start(0)
    switch.note_end()
    switch.note_start(50)
    assert switch.take_due_action(RULE, 59) is None
    assert switch.take_due_action(RULE, 60) is StopAction.FLATTEN


def test_without_a_rule_nothing_fires() -> None:
    assert DeadManSwitch(0).take_due_action(None, 1_000_000) is None
