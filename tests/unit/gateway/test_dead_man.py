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


def test_without_a_rule_nothing_fires() -> None:
    assert DeadManSwitch(0).take_due_action(None, 1_000_000) is None
