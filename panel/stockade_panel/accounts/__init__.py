"""Pages about ExchangeAccounts: keys (write-only), balances, orders by hand, live prices; all by their gateways."""
