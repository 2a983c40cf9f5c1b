"""The local mode: executes any compiled definition without AWS. Knows nothing of Fashion-MNIST.

Floors, bottom up: state (what outlives a process, and the local AWS), jobs (the container contract, what starts
processes), engine (the order of things), endpoint (SageMaker's API over it). A floor imports those below it and
pipeline/spec, never one above. Begin at `engine/start.py`; other projects begin at `testing.py`.
"""
