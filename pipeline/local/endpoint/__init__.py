"""A SageMaker on loopback whose pipelines and jobs the local engine executes.

The map: server.py (the socket), routing.py (whose request is it, and for which service), operations.py (by name),
then a module for each noun. docs/local-sagemaker.md says what is answered and what is not. May import the rest of
pipeline/local, and pipeline/spec.
"""
