"""The objects the operator makes, each a pure function of the resources and the settings.

Apart from the code that talks to the cluster, so that every byte of what is created can be compared with a golden file.
"""
