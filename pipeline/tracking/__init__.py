"""Tracking with MLflow: what an execution becomes there, and the process that publishes it.

The command describes (describing.py), another process publishes (publisher_process.py): MLflow takes seconds to
import, keeps its server's address in the whole process, and may wait for minutes, none of which a run may notice.
Begin at `tracker.py`. May import every room but the command line's.
"""
