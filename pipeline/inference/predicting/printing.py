"""Prints what a model says of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.text import Text

from pipeline.formatting import percent
from pipeline.inference.predicting.prediction import Prediction
from pipeline.printable import printable
from pipeline.view.terminal import make_table, open_console, print_fact


def print_predictions(model: str, predictions: Sequence[Prediction], top: int, stream: TextIO) -> None:
    """A row an image with its `top` most probable classes; below it what was done to the image before."""
    console = open_console(stream)
    print_fact(console, "Model", model)
    table = make_table()
    table.add_column("image", overflow="fold")
    table.add_column("class", no_wrap=True)
    table.add_column("prob.", no_wrap=True, justify="right")
    if top > 1:
        table.add_column("next", overflow="fold")
    labelled = any(each.true_class is not None for each in predictions)
    if labelled:
        table.add_column("true class", no_wrap=True)
    for each in predictions:
        (best, probability), *others = each.ranked
        wrong = each.true_class not in (None, best)
        row = [Text(printable(each.picture.source)), Text(best, style="bold"), Text(percent(probability))]
        if top > 1:
            row.append(Text(", ".join(f"{name} {percent(value)}" for name, value in others[: top - 1])))
        if labelled:
            row.append(Text(each.true_class or "", style="red" if wrong else ""))
        table.add_row(*row)
    console.print(table)
    for each in predictions:
        if each.picture.notes:
            line = Text(printable(each.picture.source), style="bold")
            line.append(": " + "; ".join(each.picture.notes), style="not bold")
            console.print(line, soft_wrap=True)
