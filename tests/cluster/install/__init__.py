"""The installed release: it checks itself, upgrades without touching a trader, and gives no right too many."""
