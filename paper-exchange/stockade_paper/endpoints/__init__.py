"""The functions of the API, one module per chapter of Binance's documentation; doors to them are REST and WebSocket."""
