"""Reads the IMAGE arguments of `predict` and `invoke`: files, and rows of IDX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.inference.predicting.idx_rows import parse_rows, read_labels, read_rows
from pipeline.inference.predicting.image_file import open_image
from pipeline.inference.predicting.picture import ImageError, Picture
from pipeline.inference.predicting.preparation import Background, of_data_set, prepare


def read_pictures(
    arguments: Sequence[str], background: Background = "auto", data_folders: Sequence[Path] = ()
) -> list[Picture]:
    """Every image that the arguments name, in their order; all are read before anything is said of one.

    An IDX file that is not at its path is looked for in `data_folders` by its name.

    Raises:
        ImageError: one line for each argument that is at fault.
    """
    pictures: list[Picture] = []
    faults: list[str] = []
    for argument in arguments:
        try:
            pictures += _read(argument, background, data_folders)
        except ImageError as error:
            faults.append(str(error))
    if faults:
        raise ImageError("\n".join(faults))
    return pictures


def _read(argument: str, background: Background, data_folders: Sequence[Path]) -> list[Picture]:
    path = Path(argument)
    rows = None if _is_there(path) else parse_rows(argument)
    if rows is None:
        return [prepare(open_image(path, argument), argument, background)]
    name, numbers = rows
    path = next(
        (
            place
            for place in (Path(name), *(folder / name for folder in data_folders if "/" not in name))
            if _is_there(place)
        ),
        Path(name),
    )
    images = read_rows(path, numbers, name)
    labels = read_labels(path, numbers)
    notes = () if labels.note is None else (labels.note,)
    return [
        of_data_set(pixels, f"{name}#{number}", background, label, notes)
        for number, pixels, label in zip(numbers, images, labels.values or [None] * len(numbers), strict=True)
    ]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or has a null character
        return False
