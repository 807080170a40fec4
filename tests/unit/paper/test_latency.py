"""The latency model: reproducible, shaped as measured, zero when off; a delay line keeps the order."""

import asyncio

import pytest

from stockade_paper.latency import HALF_AND_WORST_MS, DelayLine, LatencyModel

DRAWS = 20_000


@pytest.mark.parametrize("way", HALF_AND_WORST_MS)
def test_half_and_worst_hundredth_are_as_measured(way: str) -> None:
    model = LatencyModel(7, enabled=True)
    drawn = sorted(model.draw(way) * 1000 for _ in range(DRAWS))
    half, worst = HALF_AND_WORST_MS[way]
    assert drawn[DRAWS // 2] == pytest.approx(half, rel=0.05)
    assert drawn[DRAWS * 99 // 100] == pytest.approx(worst, rel=0.15)


def test_same_seed_draws_the_same() -> None:
    one, same, other = (LatencyModel(seed, enabled=True) for seed in (7, 7, 8))
    assert [one.draw("rest") for _ in range(9)] == [same.draw("rest") for _ in range(9)]
    assert one.draw("rest") != other.draw("rest")


def test_off_adds_nothing() -> None:
    model = LatencyModel(7, enabled=False)
    assert (model.draw("rest"), model.draw_user_event(), model.draw_reply("rest", 504)) == (0.0, 0.0, 0.0)
    assert model.draw_timeout() is None


def test_one_order_in_ten_thousand_times_out_and_half_of_those_were_executed() -> None:
    model = LatencyModel(7, enabled=True)
    drawn = [executed for executed in (model.draw_timeout() for _ in range(400_000)) if executed is not None]
    assert 15 < len(drawn) < 80
    assert 0 < sum(drawn) < len(drawn)
    assert model.draw_reply("rest", 504) == 10.0


async def test_a_late_item_holds_up_those_behind_it() -> None:
    seen: list[int] = []
    done = asyncio.Event()

    def deliver(item: int) -> None:
        seen.append(item)
        if item == 4:
            done.set()

    line = DelayLine(deliver)
    line.put(1, 0.0)
    assert seen == [1]
    line.put(2, 0.05)
    line.put(3, 0.0)
    line.put(4, 0.01)
    await asyncio.wait_for(done.wait(), 30)
    assert seen == [1, 2, 3, 4]
    line.put(5, 5.0)
    line.close()
    line.put(6, 0.0)
    assert seen == [1, 2, 3, 4, 6]
