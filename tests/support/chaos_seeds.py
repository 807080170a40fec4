"""The schedules that run on every change: their seeds and size, and what they have to meet between them."""

SEEDS = (4737, 1620)
MINUTES = 0.5
ALGORITHMS = 6
MET = frozenset(
    {
        "kill-algorithm",
        "kill-gateway",
        "replace-pod",
        "stop-pod",
        "halt-account",
        "tighten-account",
        "forbid-account-loss",
        "kill-account-gateway",
        "freeze-account-gateway",
        "lose-account-gateway-and-postgresql",
        "kill-postgresql",
        "rotate-keys",
        "revoke-key",
        "ban-address",
        "disconnect",
        "cancel-by-hand",
        "order-by-hand",
        "place-through-gateway",
        "cancel-through-gateway",
        "drop-order-reply",
        "order-timeout",
        "lose-user-events",
    }
)
