"""The HTML report of an execution: one self-contained file, built when an evaluation has ended, or again later.

Begin at `writing.py`, then `page.py`. `outcome.py` reads what an evaluation left, for every target.
May import `analysis` and `view`.
"""
