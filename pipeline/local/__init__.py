"""The local target: executes a compiled pipeline definition (version 2020-12-01) with no AWS account and no Docker."""
