"""Mutation testing: which small changes of a module's code no unit test notices."""
