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
# From these strengths on, a cell's digits have the colour that reads best on the full one.
STRONG_HIT, STRONG_MISS = 0.8, 0.6
# Even a single mistake is to be seen; the strongest leaves room for its digits.
FAINTEST, STRONGEST = 0.04, 0.85


def draw_confusion_matrix(matrix: Sequence[Sequence[int]], class_names: Sequence[str], title: str) -> Markup:
    """Hits on the diagonal in one colour, misses in another; each cell as strong as its share of its row.

    Misses are few beside hits: their colours are scaled by the largest share among them.
    """
    shares = [[cell / max(sum(row), 1) for cell in row] for row in matrix]
    misses = [share for true, row in enumerate(shares) for taken, share in enumerate(row) if true != taken]
    most = max(misses, default=0.0) or 1.0

    def paint(axes: Axes) -> None:
        for true, row in enumerate(matrix):
            for taken, cell in enumerate(row):
                if not cell:
                    continue
                share, hit = shares[true][taken], true == taken
                strength = share if hit else max(STRONGEST * share / most, FAINTEST)
                color = (*to_rgba(HIT if hit else MISS)[:3], round(strength, 3))
                axes.add_patch(
                    Rectangle((taken - 0.48, true - 0.48), 0.96, 0.96, facecolor=color, linewidth=0)
                )
                on = (
                    (ON_HIT if strength > STRONG_HIT else INK)
                    if hit
                    else ON_MISS
                    if strength > STRONG_MISS
                    else INK
                )
                axes.text(taken, true, str(cell), ha="center", va="center_baseline", fontsize=8, color=on)
        places, labels = range(len(class_names)), [short(name) for name in class_names]
        axes.set_xlim(-0.5, len(class_names) - 0.5)
        axes.set_ylim(len(class_names) - 0.5, -0.5)
        axes.set_xticks(places, labels, rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks(places, labels)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.tick_params(length=0, labelcolor=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)

    total = sum(map(sum, matrix))
    hits = sum(matrix[label][label] for label in range(len(matrix)))
    return draw(
        "confusion", f"{title}: {hits} of {total} images on the diagonal, that is, right.", SIZE, paint
    )
