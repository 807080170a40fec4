"""The paper exchange in memory."""
