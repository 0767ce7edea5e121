"""What is served: one file for each resource, each with its small table of routes."""
