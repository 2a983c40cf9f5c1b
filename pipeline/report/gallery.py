"""The report's pictures: the most confused pairs of classes, the worst errors, the labels that may be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.formatting import percent
from pipeline.report.mistakes import Confusion, Mistake, TestPredictions
from pipeline.report.pictures import Gallery, Picture

EXAMPLES, TYPICAL = 5, 2  # images of each pair
WORST, SUSPECTS = 24, 24


@dataclass(frozen=True)
class Tile:
    """A picture with what is written below it; `suspected` when its label may be wrong."""

    picture: Picture
    lines: tuple[str, ...]
    suspected: bool = False


@dataclass(frozen=True)
class PairTiles:
    """A pair of classes that are confused, with the winner's mistakes between typical images of both."""

    confusion: Confusion
    typical_true: tuple[Tile, ...]
    mistaken: tuple[Tile, ...]
    typical_taken: tuple[Tile, ...]


@dataclass(frozen=True)
class Pictures:
    """All pictures of the page, or the `problem` that there are none. `suspects` counts those not shown, too."""

    pairs: tuple[PairTiles, ...] = ()
    worst: tuple[Tile, ...] = ()
    suspected: tuple[Tile, ...] = ()
    suspects: int = 0
    mistakes: int = 0
    models: int = 0
    problem: str = ""


def make_pictures(
    predictions: TestPredictions | None,
    gallery: Gallery,
    winner: str,
    confusions: Sequence[Confusion],
    class_names: Sequence[str],
) -> Pictures:
    """The pictures of the training `winner`; `confusions` are the pairs to show."""
    if gallery.problem:
        return Pictures(problem=gallery.problem)
    if predictions is None:
        return Pictures(problem="No errors are shown: the predictions of single images cannot be read.")
    mistakes = predictions.mistakes(winner)
    suspects = [each for each in mistakes if each.suspected]
    return Pictures(
        pairs=tuple(
            pair_tiles(each, predictions, gallery, winner, mistakes, class_names) for each in confusions
        ),
        worst=tiles(mistakes[:WORST], gallery, class_names),
        suspected=tiles(suspects[:SUSPECTS], gallery, class_names),
        suspects=len(suspects),
        mistakes=len(mistakes),
        models=len(predictions.probabilities),
    )


def pair_tiles(
    confusion: Confusion,
    predictions: TestPredictions,
    gallery: Gallery,
    winner: str,
    mistakes: Sequence[Mistake],
    class_names: Sequence[str],
) -> PairTiles:
    """The pictures of one pair of classes."""
    true, taken = class_names.index(confusion.true), class_names.index(confusion.taken)
    examples = [each for each in mistakes if (each.true, each.taken) == (true, taken)][:EXAMPLES]

    def typical(label: int) -> tuple[Tile, ...]:
        name = class_names[label]
        found = (
            gallery.picture(index, f"Test image {index}: a typical {name}, classified right.")
            for index in predictions.typical(winner, label, TYPICAL)
        )
        return tuple(Tile(picture, ()) for picture in found if picture is not None)

    mistaken = tiles(examples, gallery, class_names, named=False)
    return PairTiles(confusion, typical(true), mistaken, typical(taken))


def tiles(
    mistakes: Sequence[Mistake], gallery: Gallery, class_names: Sequence[str], named: bool = True
) -> tuple[Tile, ...]:
    """A tile each, without those whose image is not in the gallery; `named` writes the classes below it."""
    made = []
    for each in mistakes:
        true, taken, sure = class_names[each.true], class_names[each.taken], percent(each.probability, 1)
        doubt = " All models agree: the label may be wrong." if each.suspected else ""
        alt = f"Test image {each.index}: labelled {true}, taken for {taken} with probability {sure}.{doubt}"
        picture = gallery.picture(each.index, alt)
        if picture is not None:
            names = (f"label {true}", f"taken for {taken}") if named else ()
            agree = (f"{each.agreeing} of {each.models} agree",) if each.models > 1 else ()
            made.append(Tile(picture, (*names, sure, *agree), each.suspected))
    return tuple(made)
