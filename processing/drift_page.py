"""report.html: what the monitor found, as a page for people that needs nothing from outside and runs nothing."""

import base64
import html
import struct
import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from drift_baseline import class_counts
from drift_documents import Judged
from drift_measures import CONFIDENCE, PIXELS, Measures, measure
from drift_verdict import LEAST_EFFECT, LEVEL, Comparison, title_of
from fashion_classes import CLASS_NAMES

UNUSUAL = 24  # images that are shown

_STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2026;--muted:#59636e;--grid:#d5dae0;--bar:#005a8d;
--other:#b9c2cc;--good:#00694d;--bad:#a84300}
@media(prefers-color-scheme:dark){:root{--page:#12161a;--card:#1b2127;--ink:#e8ebee;--muted:#a3adb8;--grid:#39424b;
--bar:#7cc4f0;--other:#56616d;--good:#5fd0a8;--bad:#ff9f5f}}
body{margin:0 auto;max-width:66rem;padding:1rem 1.25rem;background:var(--page);color:var(--ink);
font:16px/1.55 system-ui,"DejaVu Sans",sans-serif}
h1{font-size:1.7rem;margin:.2rem 0 .8rem}h2{font-size:1.2rem;margin:2rem 0 .4rem}
.note{color:var(--muted);font-size:.9rem}
.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
.card{background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:1rem;overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--grid);font-variant-numeric:tabular-nums}
.bar{height:.5rem;border-radius:2px;background:var(--bar);min-width:1px}.bar.base{background:var(--other)}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.5rem,1fr));gap:.8rem}
figure{margin:0}figure img{width:100%;image-rendering:pixelated;border:1px solid var(--grid)}
figcaption{font-size:.8rem;line-height:1.3}
"""


def page_bytes(judged: Judged) -> bytes:
    """The page, in UTF-8."""
    verdict = judged.verdict
    model = (
        f"version {judged.version} ({judged.baseline.model})"
        if judged.baseline
        else "a model that has not answered"
    )
    window = f", {judged.captured.first} to {judged.captured.last}" if judged.captured.first else ""
    headline = {"drift": "Drift", "no_drift": "No drift"}.get(verdict.verdict, "Not judged")
    parts = [
        f'<p class="note">Fashion-MNIST monitor · endpoint {_text(judged.endpoint)} · {_text(model + window)}</p>',
        f'<h1 class="{"bad" if verdict.drifted else "good"}">{headline}</h1>',
        f"<p>{_text(verdict.reason)}</p>",
        *(_measures(verdict.comparisons) if verdict.comparisons else []),
        *(_classes(judged) if verdict.comparisons else []),
        *_pictures(judged),
        *_losses(judged),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{headline} · Fashion-MNIST monitor</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    return (page + "\n".join(parts) + "\n</body>\n</html>\n").encode()


def _measures(comparisons: tuple[Comparison, ...]) -> list[str]:
    rows = [
        (
            _text(title_of(one.measure)),
            f"{one.effect:.3f}",
            f"{one.p_value:.2g}",
            _text(one.baseline),
            _text(one.captured),
            '<span class="bad">✗ drifted</span>' if one.drifted else '<span class="good">✓ as before</span>',
        )
        for one in comparisons
    ]
    return [
        "<h2>Each measure against the baseline</h2>",
        f'<p class="note">A measure has drifted when p is below {LEVEL:g} (after Holm’s correction for all) and '
        f"the effect is at least {LEAST_EFFECT:g}: the greatest distance of the two distributions, or the share of "
        "answers that changed their class.</p>",
        _table(rows, ("measure", "effect", "p", "baseline", "captured", "")),
    ]


def _classes(judged: Judged) -> list[str]:
    assert judged.baseline is not None  # it was compared with
    captured = class_counts(judged.captured.probabilities())
    shares = [counts / counts.sum() for counts in (judged.baseline.class_counts, captured)]
    rows = [
        (_text(name), f"{before:.1%}", f"{now:.1%}", _bar(before, " base") + _bar(now))
        for name, before, now in zip(CLASS_NAMES, *shares, strict=True)
    ]
    return [
        "<h2>The classes of the answers</h2>",
        _table(rows, ("class", "baseline", "captured", "the upper bar is the baseline's")),
    ]


def _bar(share: float, more: str = "") -> str:
    return f'<div class="bar{more}" style="width:{share * 25:.2f}rem"></div>'


def _table(rows: Iterable[tuple[str, ...]], titles: tuple[str, ...] = ()) -> str:
    """Cells are HTML."""
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="card"><table><tr>{head}</tr>{body}</table></div>'


def _pictures(judged: Judged) -> list[str]:
    if judged.baseline is None or not judged.captured.images:
        return []
    pixels, answers = judged.captured.pixels(), judged.captured.probabilities()
    rows = most_unusual(judged.baseline.measures, measure(pixels, answers))[:UNUSUAL]
    figures = "".join(
        f'<figure><img alt="{_text(_answer(answers[row]))}" src="{png_uri(pixels[row])}">'
        f"<figcaption>{_text(_answer(answers[row]))}</figcaption></figure>"
        for row in rows
    )
    return [
        "<h2>The most unusual images</h2>",
        '<p class="note">Farthest from the baseline in brightness, contrast, or by how unsure the answer was.</p>',
        f'<div class="card pictures">{figures}</div>',
    ]


def _losses(judged: Judged) -> list[str]:
    rows = [(str(count), _text(reason)) for reason, count in judged.losses.items()]
    source = f'<p class="note">{judged.captured.lines} lines below {_text(judged.capture)}.</p>'
    return ["<h2>Left out</h2>", source, _table(rows) if rows else "<p>Nothing.</p>"]


def most_unusual(baseline: Measures, captured: Measures) -> npt.NDArray[np.int64]:
    """The captured images' positions, the farthest from the baseline first.

    By distance from the baseline's median in its interquartile ranges, of the pixels' mean and deviation to either
    side, of the confidence downwards.
    """
    farthest = np.zeros(len(captured[CONFIDENCE]))
    for name in (*PIXELS, CONFIDENCE):
        low, median, high = np.percentile(baseline[name], [25, 50, 75])
        distance = (captured[name] - median) / max(high - low, 1.0)
        farthest = np.maximum(farthest, -distance if name == CONFIDENCE else np.abs(distance))
    return np.argsort(-farthest, kind="stable")


def png_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """A grey image (uint8, H×W) as a PNG in a data URI; the same pixels give the same text."""
    height, width = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _answer(row: npt.NDArray[np.float64]) -> str:
    return f"{CLASS_NAMES[int(row.argmax())]}, {row.max():.0%}"


def _text(text: str) -> str:
    return html.escape(text)
