"""What crosses the line inside an algorithm's pod: messages, market data and order ids.

Both sides of the line import this package and nothing of each other, so that it is the only thing they have to agree
on.
"""

PROTOCOL_VERSION = 2
"""Raised with every change of a message or of the ring's layout; the gateway refuses a client with another one."""
