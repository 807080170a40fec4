"""What the mutation run makes of modules, and how it reads the decision."""
