"""The viewer's own page: sessions and password."""
