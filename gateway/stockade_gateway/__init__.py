"""Stockade's gateway: the only program that holds an exchange account's keys and speaks to the exchange."""
