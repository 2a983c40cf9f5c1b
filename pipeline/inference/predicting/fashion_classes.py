"""The classes of the data set, in the order of their labels, for models that are asked over a network.

Source: the table "Labels" of https://github.com/zalandoresearch/fashion-mnist. tests/seams holds this to what the
containers' code says.
"""

from __future__ import annotations

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
