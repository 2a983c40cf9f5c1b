"""What drift is looked for in: a few numbers of each image and of the model's answer to it. Pure NumPy.

evaluate.py takes them of the validation split and leaves them as the baseline; monitor.py of what an endpoint
captured. Both sides are rounded here, to hundredths: a float32 close to 1 has few values, and which of them
a model gives depends on how many images it was asked for at once. Unequally rounded, equal answers look like drift.
"""

import numpy as np
import numpy.typing as npt

PIXELS = ("pixel_mean", "pixel_deviation")
CONFIDENCE = "confidence"
HUNDREDTHS = 100
MOST_LOGIT = 16.0  # of a probability of 0.9999999; beyond it a float32 says nothing more

Measures = dict[str, npt.NDArray[np.int32]]


def measure(pixels: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.floating]) -> Measures:
    """The measures of N images: int32 arrays (N), in hundredths.

    `pixels` are N×28×28, `probabilities` N×C. pixel_mean and pixel_deviation are of an image's pixels (0..255);
    confidence is the logit of the highest probability, score_0 … those of each class.
    """
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)
    logits = logits_of(probabilities)
    columns = {
        PIXELS[0]: flat.mean(axis=1),
        PIXELS[1]: flat.std(axis=1),
        CONFIDENCE: logits.max(axis=1),
        **{f"score_{each}": logits[:, each] for each in range(logits.shape[1])},
    }
    return {name: np.rint(values * HUNDREDTHS).astype(np.int32) for name, values in columns.items()}


def logits_of(probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)) of each probability (N×C), within ±MOST_LOGIT.

    1 - p is taken as the sum of the others: the difference would leave nothing of a p close to 1.
    """
    p = probabilities.astype(np.float32).astype(np.float64)  # a served float32 is read again as what it was
    least = np.exp(-2 * MOST_LOGIT)
    others = np.maximum(p @ (1 - np.eye(p.shape[1])), least)
    logits: npt.NDArray[np.float64] = np.log(np.maximum(p, least)) - np.log(others)
    return np.clip(logits, -MOST_LOGIT, MOST_LOGIT)
