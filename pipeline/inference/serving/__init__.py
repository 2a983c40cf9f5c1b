"""Putting a registered model to use: `serve` on this machine, `deploy` on AWS, and `invoke`, the client of both."""
