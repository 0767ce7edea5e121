"""Request handlers: one file per resource, each with its routes."""
