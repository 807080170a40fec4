"""The operator: keeps a pod for every Algorithm, and everything that pod needs, exactly as its resources say."""
