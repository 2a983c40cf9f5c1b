"""What the pipeline is: parameters, settings and candidates, and the SageMaker SDK objects that they become.

Begin at `builder.py` for the steps, at `compiling.py` for how they become JSON. The SageMaker SDK takes seconds to
import: only `builder.py`, `trainer.py`, `tuner.py` and the modules named `sdk_…` do.
May import `spec` and `dataset`.
"""
