"""What the algorithm of `round_trip.py` does; its text is what the algorithm's process runs."""

import json
import time

from stockade_sdk import Order, Parameters, Strategy


class RoundTripParameters(Parameters):
    """Whose turn it is when, and what is ordered."""

    began: float
    place: int
    places: int
    slot_seconds: float
    margin_seconds: float
    pause_seconds: float
    round_seconds: float
    rounds: int
    quantity: str
    price: str


class RoundTrip(Strategy):
    """Places, times and cancels one order after the other, in its turns."""

    parameters: RoundTripParameters
    times: list[tuple[int, int]]
    began_ns = 0

    def on_start(self) -> None:
        """Begin with the next turn."""
        self.times = []
        self.set_timer("next", self.parameters.pause_seconds, repeat=False)

    def on_timer(self, name: str) -> None:  # noqa: ARG002 - there is one timer
        """Place the next order, or wait for the turn."""
        if self.find_round() >= self.parameters.rounds:
            print("times", json.dumps(self.times), flush=True)
        elif (wait := self.find_wait()) > 0:
            self.set_timer("next", wait, repeat=False)
        else:
            self.began_ns = time.perf_counter_ns()
            self.buy("BTCUSDT", self.parameters.quantity, price=self.parameters.price)

    def on_order_accepted(self, order: Order) -> None:
        """Note how long it took."""
        self.times.append((self.find_round(), time.perf_counter_ns() - self.began_ns))
        self.cancel_order(order)

    def on_order_canceled(self, order: Order) -> None:  # noqa: ARG002 - there is one order
        """Go on after a pause."""
        self.set_timer("next", self.parameters.pause_seconds, repeat=False)

    def find_round(self) -> int:
        """Return the number of the present round."""
        return int((time.time() - self.parameters.began) // self.parameters.round_seconds)

    def find_wait(self) -> float:
        """Return how long to wait before the next order; 0 when it may begin now."""
        its = self.parameters
        cycle = its.places * its.slot_seconds
        passed = (time.time() - its.began - its.place * its.slot_seconds) % cycle
        return 0.0 if passed < its.slot_seconds - its.margin_seconds else cycle - passed
