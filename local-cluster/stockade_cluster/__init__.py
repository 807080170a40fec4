"""The local cluster: a real one-node Kubernetes where there is none, started by one command and gone by another."""
