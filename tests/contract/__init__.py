"""contract: one part against real sockets and processes, no cluster."""
