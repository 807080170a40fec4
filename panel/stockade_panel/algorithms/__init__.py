"""Pages about algorithms: list, new, one, its source, and the acts on them."""
