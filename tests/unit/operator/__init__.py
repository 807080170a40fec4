"""The operator's pure parts: manifests against golden files, policies against tables."""
