"""The confusion matrix: true class by predicted class, in counts."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from pipeline.report.figures.palette import HIT, INK, MISS, ON_HIT, ON_MISS
from pipeline.report.figures.svg import draw, short

SIZE = (5.2, 4.6)
SMALL = (2.2, 2.2)
# From these strengths on, a cell's digits have the colour that reads best on the full one.
STRONG_HIT, STRONG_MISS = 0.8, 0.6
# Even a single mistake is to be seen; the strongest leaves room for its digits.
FAINTEST, STRONGEST = 0.04, 0.85


def draw_confusion_matrix(matrix: Sequence[Sequence[int]], class_names: Sequence[str], title: str) -> Markup:
    """Hits on the diagonal in one colour, misses in another; each cell as strong as its share of its row.

    Misses are few beside hits: their colours are scaled by the largest share among them.
    """
    shares, most = shares_of(matrix)

    def paint(axes: Axes) -> None:
        paint_cells(axes, matrix, shares, most)
        for true, row in enumerate(matrix):
            for taken, cell in enumerate(row):
                if cell:
                    color = ink_on(true == taken, strength_of(true, taken, shares, most))
                    axes.text(
                        taken, true, str(cell), ha="center", va="center_baseline", fontsize=8, color=color
                    )
        places, labels = range(len(class_names)), [short(name) for name in class_names]
        axes.set_xticks(places, labels, rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks(places, labels)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.tick_params(length=0, labelcolor=INK)

    return draw("confusion", describe(matrix, title), SIZE, paint)


def draw_small_confusion(matrix: Sequence[Sequence[int]], number: int, title: str) -> Markup:
    """The same without words, as one of several; classes are in the order of the large one. `number` is its own."""
    shares, most = shares_of(matrix)

    def paint(axes: Axes) -> None:
        paint_cells(axes, matrix, shares, most)
        axes.set_xticks([])
        axes.set_yticks([])

    return draw(f"confusion-{number}", describe(matrix, title), SMALL, paint)


def shares_of(matrix: Sequence[Sequence[int]]) -> tuple[list[list[float]], float]:
    """Each cell as a share of its row, and the largest share of a mistake."""
    shares = [[cell / max(sum(row), 1) for cell in row] for row in matrix]
    misses = [share for true, row in enumerate(shares) for taken, share in enumerate(row) if true != taken]
    return shares, max(misses, default=0.0) or 1.0


def strength_of(true: int, taken: int, shares: Sequence[Sequence[float]], most: float) -> float:
    """How strongly a cell is coloured, 0..1."""
    share = shares[true][taken]
    return share if true == taken else max(STRONGEST * share / most, FAINTEST)


def ink_on(hit: bool, strength: float) -> str:
    """The colour of the digits on a cell."""
    if hit:
        return ON_HIT if strength > STRONG_HIT else INK
    return ON_MISS if strength > STRONG_MISS else INK


def paint_cells(
    axes: Axes, matrix: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], most: float
) -> None:
    """The coloured cells, and axes that fit them."""
    for true, row in enumerate(matrix):
        for taken, cell in enumerate(row):
            if cell:
                color = to_rgba(HIT if true == taken else MISS)[:3]
                face = (*color, round(strength_of(true, taken, shares, most), 3))
                axes.add_patch(
                    Rectangle((taken - 0.48, true - 0.48), 0.96, 0.96, facecolor=face, linewidth=0)
                )
    axes.set_xlim(-0.5, len(matrix) - 0.5)
    axes.set_ylim(len(matrix) - 0.5, -0.5)
    for spine in axes.spines.values():
        spine.set_visible(False)


def describe(matrix: Sequence[Sequence[int]], title: str) -> str:
    """The figure in words."""
    total = sum(map(sum, matrix))
    hits = sum(matrix[label][label] for label in range(len(matrix)))
    return f"{title}: {hits} of {total} images on the diagonal, that is, right."
