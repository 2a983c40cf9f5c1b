"""Imports Keras without what it would take along for others: train.py does so before anything of TensorFlow.

Where they are installed, Keras imports matplotlib, pandas and scikit-learn, for galleries, data frames and
estimators. A training uses none of them, and they are a third of TensorFlow's start.
"""

import sys

UNUSED = ("matplotlib", "pandas", "sklearn")


def import_keras() -> None:
    """Import Keras, to which the packages of UNUSED are missing unless somebody has imported them already."""
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: an import raises ImportError
    try:
        import keras  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
