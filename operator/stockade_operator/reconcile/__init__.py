"""One reconciler per kind: reads what is there, asks the policies, does the next step, writes the status.

Each may be killed at any line: what it does next follows from what the API server says, never from what it remembers.
"""
