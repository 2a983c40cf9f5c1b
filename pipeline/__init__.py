"""Defines the Fashion-MNIST pipeline and runs it: locally, in Docker, or on Amazon SageMaker."""
