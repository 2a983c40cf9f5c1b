"""The order of things: scheduling, retries, selection, resume, the end of an execution.

Imports pipeline/local/jobs, pipeline/local/state and pipeline/spec. Begin with start.py, then scheduler.py.
"""
