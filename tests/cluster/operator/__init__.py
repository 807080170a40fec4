"""The operator in a real cluster: what only a kubelet and real gateways can show."""
