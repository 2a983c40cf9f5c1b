"""The study: every candidate under several seeds in one execution, its expected time, and the tables it leaves.

Begin at `tables.py`, which writes what a study found; `estimate.py` has the expected time. May import `definition`,
`analysis`, `view` and the local mode.
"""
