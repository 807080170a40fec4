"""What an algorithm can make the gateway log is bounded in lines and length, and nothing is left out unsaid."""

import logging

from stockade_gateway import session, socket_server
from stockade_gateway.log_limits import LINES_PER_MINUTE, LOGGERS, LONGEST_LINE, ClientLines


def make_record(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("stockade_gateway.session", logging.ERROR, "", 0, text, arguments, None)


def test_a_minute_has_so_many_lines_and_the_next_says_what_it_had_not() -> None:
    now = [0.0]
    bound = ClientLines(lambda: now[0])
    passed = [bound.filter(make_record("refused: %s", "uid 7")) for _ in range(LINES_PER_MINUTE + 5000)]
    assert sum(passed) == LINES_PER_MINUTE
    now[0] = 61.0
    first, second = make_record("refused: %s", "uid 8"), make_record("refused: %s", "uid 9")
    assert bound.filter(first)
    assert bound.filter(second)
    assert first.getMessage() == "refused: uid 8 (5000 lines like this were left out before)"
    assert second.getMessage() == "refused: uid 9"


def test_a_line_has_an_end() -> None:
    record = make_record("the algorithm failed: %s", "x" * 1_000_000)
    assert ClientLines(lambda: 0.0).filter(record)
    assert len(record.getMessage()) < LONGEST_LINE + 50
    assert record.getMessage().endswith("(1000022 characters)")


def test_the_loggers_are_those_of_the_modules_that_serve_an_algorithm() -> None:
    assert set(LOGGERS) == {session.__name__, socket_server.__name__}
