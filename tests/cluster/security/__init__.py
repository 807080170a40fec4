"""Tenants, keys and rights on the cluster: who reaches what."""
