"""The container contract: folders, channels, variables, processes of a job; and the steps that call a service.

Imports pipeline/local/state and pipeline/spec. Begin with local_jobs.py, which the engine calls through runner.py.
"""
