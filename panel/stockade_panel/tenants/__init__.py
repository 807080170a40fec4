"""Tenants, for an administrator."""
