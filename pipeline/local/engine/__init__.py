"""The order of things: scheduling, retries, selection, resume, the end of an execution.

Imports pipeline/local/jobs, pipeline/local/state and pipeline/spec. Begin with start.py, then scheduler.py (which
decides), running_jobs.py (what runs), live_record.py (what is known of it) and children.py (what joins it).
"""
