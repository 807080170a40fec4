"""The resources: the canonical YAML, the models and their agreement."""
