"""Fits price = slope * area + base by least squares, and writes both as the model."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path


def main() -> None:
    with Path(os.environ["SM_CHANNEL_TRAIN"], "houses.csv").open(newline="") as lines:
        points = [(float(row["area"]), float(row["price"])) for row in csv.DictReader(lines)]
    mean_area, mean_price = (sum(values) / len(points) for values in zip(*points, strict=True))
    above = sum((area - mean_area) * (price - mean_price) for area, price in points)
    slope = above / sum((area - mean_area) ** 2 for area, _ in points)
    model = {"slope": slope, "base": mean_price - slope * mean_area}
    Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model))
    print(f"slope={slope:.3f}")


if __name__ == "__main__":
    main()
