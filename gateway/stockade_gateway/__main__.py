"""Entry point: `python -m stockade_gateway sidecar` in an algorithm's pod, `account` for an ExchangeAccount.

`network-canary` tries the network of a tenant's namespace and ends.

Each mode is imported only when it runs: the sidecar's memory decides how many pods fit on a machine.
"""

import sys


def main() -> int:
    """Run the mode named by the first argument; returns the exit code."""
    mode = sys.argv[1] if len(sys.argv) == 2 else ""
    if mode == "sidecar":
        from stockade_gateway import sidecar  # noqa: PLC0415

        return sidecar.main()
    if mode == "account":
        from stockade_gateway.account import main as account  # noqa: PLC0415

        return account.main()
    if mode == "network-canary":
        from stockade_gateway import network_canary  # noqa: PLC0415

        return network_canary.main()
    sys.stderr.write("usage: python -m stockade_gateway sidecar|account|network-canary\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
