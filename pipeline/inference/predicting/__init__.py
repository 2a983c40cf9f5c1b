"""Classifying images with a registered model: `predict`, and what `serve` and `invoke` share with it."""
