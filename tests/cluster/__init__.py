"""cluster: the real Kubernetes that make up starts."""
