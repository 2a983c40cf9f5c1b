"""What a Fashion-MNIST image is: its size and its ten classes, in the order of their labels.

Source: the table "Labels" of https://github.com/zalandoresearch/fashion-mnist.
"""

IMAGE_SIDE = 28
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
CLASS_COUNT = len(CLASS_NAMES)
SPLITS = ("train", "validation", "test")
