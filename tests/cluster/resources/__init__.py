"""What the API server takes and refuses."""
