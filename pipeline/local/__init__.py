"""The local target: executes a compiled pipeline definition with no AWS account and no Docker."""
