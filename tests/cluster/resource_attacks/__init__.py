"""Attacks on what algorithms share: processors, memory, process ids, logs, the gateway's socket and ring."""
