"""The second pipeline, fashion-mnist-monitor: compares what an endpoint captured with the baseline of its model.

What it compares and when that is drift is in processing/monitor.py and the modules that it names. Begin at
`captured.py`, where the requests come from, then `outcome.py`. May import `inference`, and every room below it.
"""
