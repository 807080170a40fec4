"""The sidecar's own clients of the exchange: REST, market streams and the WebSocket API."""
