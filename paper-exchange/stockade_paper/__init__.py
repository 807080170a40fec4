"""A local exchange that speaks Binance Spot to unmodified clients; it shares no code with the rest of Stockade."""
