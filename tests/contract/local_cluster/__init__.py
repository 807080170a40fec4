"""local_cluster: the cluster that `make up` starts."""
