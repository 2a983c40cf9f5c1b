"""Scoring many images at once: `batch`, a pipeline of its own with a transform job."""
