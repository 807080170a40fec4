"""The ledger's schema, step by step; inside the package so that the image carries it."""
