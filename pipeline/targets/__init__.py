"""Where a compiled pipeline runs: `local.py` on this machine, `sagemaker.py` on an account, called by `aws/`.

`base.py` says what they have in common. Begin at `local.py`. May import the data set, the definition, the local
mode and the report.
"""
