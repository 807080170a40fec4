"""Account mode: one gateway per ExchangeAccount, for people and programs that ask over HTTP and WebSocket.

Apart from the sidecar, which shares keys, signatures and sockets with it but none of its libraries.
"""
