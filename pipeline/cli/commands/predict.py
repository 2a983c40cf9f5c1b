"""`predict`: class probabilities of images, from a registered model."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from pipeline.console import say
from pipeline.dataset.choice import DEBIAN_FOLDER
from pipeline.errors import UsageError
from pipeline.inference.predicting.picture import Picture
from pipeline.inference.predicting.reading import read_pictures
from pipeline.local.state.state_dir import Home, home_from
from pipeline.printable import json_text


def main(args: argparse.Namespace) -> int:
    """Reads every image, then fetches the model, then asks it."""
    require_top(args.top)  # before anything is read; how many classes there are the model says
    home = home_from(os.environ)
    pictures = pictures_of(args, home)

    from pipeline.inference.predicting.choice import loaded_model
    from pipeline.inference.predicting.prediction import predictions_of
    from pipeline.inference.predicting.printing import print_predictions
    from pipeline.inference.predicting.saved_model import classify
    from pipeline.inference.predicting.sources import open_models

    with open_models(args.target, home, args.group) as models:
        loaded = loaded_model(models, args.model, home, say)
    pixels = np.stack([picture.pixels for picture in pictures])
    classes = loaded.artifact.class_names
    require_top(args.top, len(classes))
    probabilities = classify(loaded.saved_model, pixels, len(classes), loaded.name)
    predictions = predictions_of(pictures, classes, probabilities)
    if args.json:
        document = {
            "model": loaded.as_json(),
            "predictions": [each.as_json(args.top) for each in predictions],
        }
        print(json_text(document))
    else:
        print_predictions(loaded.name, predictions, args.top, sys.stdout)
    return 0


def require_top(top: int, classes: int | None = None) -> None:
    """Raises UsageError for no class, or for more than the model's `classes` where they are known."""
    if top < 1:
        raise UsageError(f"--top {top}: show at least one class.")
    if classes is not None and top > classes:
        raise UsageError(f"--top {top}: the model has {classes} classes. Show {classes} or fewer.")


def pictures_of(args: argparse.Namespace, home: Home) -> list[Picture]:
    """The images that the command line names; IDX files are also looked for where the data set lies."""
    variable = os.environ.get("FASHION_DATA")
    folders = [*([Path(variable)] if variable else []), home.root / "data", DEBIAN_FOLDER]
    return read_pictures(args.images, args.background, folders)
