"""The web panel: views and forms over the same Kubernetes objects that kubectl and Helm change."""
