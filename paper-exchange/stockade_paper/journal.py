"""The state on disk: an append-only log of what each step changed, one line per step, so that a kill loses nothing.

A line is written before the client hears of its step. It survives the death of the process, not that of the machine.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from stockade_paper.accounts import ApiKey, Balance, Permissions
from stockade_paper.errors import ConfigurationError
from stockade_paper.exchange import Exchange
from stockade_paper.order_lists import OrderList
from stockade_paper.orders import Fill, Order, dump_fill, dump_order
from stockade_paper.prevention import PreventedMatch
from stockade_paper.signatures import load_public_key
from stockade_paper.turn import Turn

FILE_NAME = "paper-exchange.jsonl"
PRICES_NAME = "last-prices.json"
COMPACTED_BYTES = 64 * 2**20  # A longer log is written anew once it is twice as long as what is known.
ORDER_AMOUNTS = frozenset(
    {
        "quantity",
        "quote_order_quantity",
        "price",
        "stop_price",
        "trailing_extreme",
        "iceberg_quantity",
        "executed",
        "cumulative_quote",
        "locked",
        "queue_ahead",
        "iceberg_left",
        "prevented_quantity",
    }
)
FILL_AMOUNTS = frozenset({"price", "quantity", "commission"})
PREVENTED_AMOUNTS = frozenset({"price", "quantity"})


class Journal:
    """The log of one exchange; it is one of the exchange's sinks."""

    def __init__(self, folder: Path, exchange: Exchange) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._exchange = exchange
        self._path = folder / FILE_NAME
        self._file: int | None = None
        self._size = 0
        self._compacted_size = 0

    def open(self) -> None:
        """Replay the log into the exchange and go on writing at its end.

        Raises ConfigurationError with the line number when a line other than a torn last one can't be read.
        """
        if self._path.exists():
            self._replay()
            self._compact()
        else:
            self._file = self._open_file(self._path)

    def _compact(self) -> None:
        """Write what is known as if it had just happened, so that the log does not grow for ever."""
        self.close()
        fresh = self._path.with_name(f"{FILE_NAME}.new")
        fresh.unlink(missing_ok=True)
        self._file, self._size = self._open_file(fresh), 0
        for key in self._exchange.accounts.keys.values():
            self.record_account(key)
        for api_key in self._exchange.accounts.revoked:
            self.record_revocation(api_key)
        for symbol, market in self._exchange.markets.items():
            if market.status != "TRADING":
                self.record_market(symbol)
        for order in self._exchange.orders.values():
            fills = [dump_fill(fill) for fill in order.fills]
            self._write({"kind": "step", "orders": [dump_order(order)], "fills": fills, "lists": [], "balances": {}})
        lists = [
            _dump_list(order_list)
            for order_list in self._exchange.lists.by_id.values()
            if all(order.order_id in self._exchange.orders for order in order_list.orders)
        ]
        balances = {
            account.account_id: {asset: [each.free, each.locked] for asset, each in account.balances.items()}
            for account in self._exchange.accounts.by_id.values()
        }
        prevented = [msgspec.structs.asdict(match) for match in self._exchange.prevented]
        # Those of orders that are kept stand beside them.
        fills = [dump_fill(fill) for fill in self._exchange.fills if fill.order_id not in self._exchange.orders]
        step = {"orders": [], "fills": fills, "prevented": prevented, "lists": lists, "balances": balances}
        self._write({"kind": "step", **step})
        self._compacted_size = self._size
        fresh.replace(self._path)

    @staticmethod
    def _open_file(path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __call__(self, turn: Turn) -> None:
        """Write one committed step."""
        accounts = {account_id: self._exchange.accounts.by_id[account_id] for account_id in turn.touched}
        lists = [
            self._exchange.lists.by_id[order.order_list_id] for order in turn.orders.values() if order.order_list_id > 0
        ]
        self._write(
            {
                "kind": "step",
                "orders": [dump_order(order) for order in turn.orders.values()],
                "fills": [dump_fill(fill) for fill in turn.fills],
                "prevented": [msgspec.structs.asdict(match) for match in turn.prevented],
                "lists": [_dump_list(order_list) for order_list in lists],
                "balances": {
                    account_id: {
                        asset: [account.balances[asset].free, account.balances[asset].locked]
                        for asset in turn.touched[account_id]
                    }
                    for account_id, account in accounts.items()
                },
            }
        )

        if self._size > max(COMPACTED_BYTES, 2 * self._compacted_size):
            self._compact()

    def record_account(self, key: ApiKey) -> None:
        """Write a new account or a new key of an old one."""
        account = self._exchange.accounts.account_of(key)
        permissions = key.permissions
        self._write(
            {
                "kind": "account",
                "account": account.account_id,
                "api_key": key.api_key,
                "secret": key.secret,
                "public_key": key.public_key_pem,
                "created_ms": key.created_ms,
                "permissions": [permissions.can_trade, permissions.can_withdraw, permissions.ip_restricted],
                "addresses": permissions.addresses,
                "pays_fees_in_bnb": account.pays_fees_in_bnb,
                "balances": {asset: [each.free, each.locked] for asset, each in account.balances.items()},
            }
        )

    def record_revocation(self, api_key: str) -> None:
        """Write that a key was deleted."""
        self._write({"kind": "revocation", "api_key": api_key})

    def record_market(self, symbol: str) -> None:
        """Write that a market was halted or opened."""
        self._write({"kind": "market", "symbol": symbol, "status": self._exchange.markets[symbol].status})

    def record_prices(self) -> None:
        """Write the last prices, so that the next start does not jump away from them."""
        markets = self._exchange.markets.items()
        prices = {symbol: str(market.last_price) for symbol, market in markets if market.last_price is not None}
        fresh = self._path.with_name(f"{PRICES_NAME}.new")
        fresh.write_text(json.dumps(prices), encoding="utf-8")
        fresh.replace(self._path.with_name(PRICES_NAME))

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._size += os.write(self._file, msgspec.json.encode(line) + b"\n")

    def _replay(self) -> None:
        content = self._path.read_bytes()
        whole, newline, torn = content.rpartition(b"\n")
        if torn:
            # The process died in the middle of a line: nobody was told of that step.
            os.truncate(self._path, len(whole) + len(newline))
        orders: dict[int, Order] = {}
        for number, raw in enumerate(whole.splitlines(), start=1):
            try:
                line = json.loads(raw)
                self._apply(line, orders)
            except (ValueError, KeyError, TypeError) as error:
                message = f"{self._path}, line {number}: not a line of this log ({error}); move the file away"
                raise ConfigurationError(message) from error
        self._finish(orders)

    def _apply(self, line: dict[str, Any], orders: dict[int, Order]) -> None:
        kind, exchange = line["kind"], self._exchange
        if kind == "revocation":
            exchange.accounts.revoke_key(line["api_key"])
            exchange.accounts.revoked.add(line["api_key"])
        elif kind == "account":
            self._apply_account(line)
        elif kind == "step":
            self._apply_step(line, orders)
        elif kind == "market":
            market = exchange.markets.get(line["symbol"])
            if market is not None:  # It may no longer be listed.
                market.status = line["status"]
        else:
            raise ValueError(f"unknown kind '{kind}'")

    def _apply_step(self, line: dict[str, Any], orders: dict[int, Order]) -> None:
        accounts = self._exchange.accounts
        for account_id, balances in line["balances"].items():
            account = accounts.by_id.get(int(account_id)) or accounts.create({}, int(account_id))
            for asset, (free, locked) in balances.items():
                account.balances[asset] = Balance(Decimal(free), Decimal(locked))
        for values in line["orders"]:
            before = orders.get(values["order_id"])
            order = Order(**_read_amounts(values, ORDER_AMOUNTS))
            order.fills = before.fills if before is not None else []
            orders[order.order_id] = order
        for values in line["fills"]:
            fill = Fill(**_read_amounts(values, FILL_AMOUNTS))
            self._exchange.fills.append(fill)
            if fill.order_id in orders:
                orders[fill.order_id].fills.append(fill)
        for values in line.get("prevented", ()):
            self._exchange.prevented.append(PreventedMatch(**_read_amounts(values, PREVENTED_AMOUNTS)))
        for values in line["lists"]:
            self._exchange.lists.by_id[values["list_id"]] = _read_list(values, orders)

    def _apply_account(self, line: dict[str, Any]) -> None:
        accounts = self._exchange.accounts
        if line["account"] not in accounts.by_id:
            account = accounts.create({}, line["account"])
            account.pays_fees_in_bnb = line["pays_fees_in_bnb"]
            account.balances = {
                asset: Balance(Decimal(free), Decimal(locked)) for asset, (free, locked) in line["balances"].items()
            }
        pem = line["public_key"]
        can_trade, can_withdraw, ip_restricted = line["permissions"]
        accounts.add_key(
            ApiKey(
                line["api_key"],
                line["account"],
                Permissions(can_trade, can_withdraw, ip_restricted, tuple(line.get("addresses", ()))),
                line["created_ms"],
                line["secret"],
                load_public_key(pem) if pem else None,
                pem,
            )
        )

    def _finish(self, orders: dict[int, Order]) -> None:
        """Put the orders back; lists refer to the last version of theirs."""
        for order_list in self._exchange.lists.by_id.values():
            order_list.refer_to(orders)
        for order in orders.values():
            self._exchange.restore(order)
        fills = sorted(self._exchange.fills, key=lambda fill: (fill.time_ms, fill.trade_id))
        self._exchange.fills.clear()
        self._exchange.fills.extend(fills)
        self._exchange.continue_ids_after_restore()


def read_prices(folder: Path) -> dict[str, Decimal]:
    """Return the last prices of an earlier run, none when there was none."""
    path = folder / PRICES_NAME
    if not path.exists():
        return {}
    try:
        return {symbol: Decimal(price) for symbol, price in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, ArithmeticError, AttributeError) as error:
        raise ConfigurationError(f"{path}: not what this exchange writes; delete the file") from error


def _dump_list(order_list: OrderList) -> dict[str, Any]:
    return {
        "list_id": order_list.list_id,
        "account_id": order_list.account_id,
        "symbol": order_list.symbol,
        "client_id": order_list.client_id,
        "contingency": order_list.contingency,
        "created_ms": order_list.created_ms,
        "is_done": order_list.is_done,
        "sells_the_bought": order_list.sells_the_bought,
        "orders": [order.order_id for order in order_list.orders],
        "working": order_list.working.order_id if order_list.working is not None else None,
        "pair": [order.order_id for order in order_list.pair] if order_list.pair is not None else None,
        "pending": [order.order_id for order in order_list.pending],
    }


def _read_list(values: dict[str, Any], orders: dict[int, Order]) -> OrderList:
    pair = values["pair"]
    working = values["working"]
    return OrderList(
        list_id=values["list_id"],
        account_id=values["account_id"],
        symbol=values["symbol"],
        client_id=values["client_id"],
        contingency=values["contingency"],
        created_ms=values["created_ms"],
        is_done=values["is_done"],
        sells_the_bought=values.get("sells_the_bought", False),
        orders=[orders[number] for number in values["orders"]],
        working=orders[working] if working is not None else None,
        pair=(orders[pair[0]], orders[pair[1]]) if pair is not None else None,
        pending=tuple(orders[number] for number in values["pending"]),
    )


def _read_amounts(values: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: Decimal(value) if name in names and value is not None else value for name, value in values.items()}
