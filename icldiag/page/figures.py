"""Drawings for papers and pages, by matplotlib: one column wide, 8 point, vector paths, told apart without colour.

Nothing here reads the user's matplotlibrc or touches pyplot, so it works in threads and beside a notebook's own plots.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from icldiag.page.text import cell_text as in_digits
from icldiag.page.text import shortened
from icldiag.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from icldiag.page.blocks import Figure

FigureType = Literal["svg", "png", "pdf"]

WIDTH = 3.4  # inches: one column of a two-column paper
INK = "#1b1b1b"  # a page in a dark theme puts its own colour here
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9")  # Okabe and Ito, yellow darkened
_MARKS = ("o", "s", "^", "D", "v", "x")
_NUMBERED = 12  # a matrix with more columns shows no number in its cells

_BACKENDS = ("backend", "backend_fallback")  # the user's, and setting them would load pyplot
_STYLE: dict[str, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "text.parse_math": False,  # a label is not a formula
    "pdf.fonttype": 42,  # publishers take no Type 3
    "savefig.dpi": 300,
    "svg.hashsalt": "icldiag",  # the same figure has the same ids
}


@contextmanager
def paper_style(**more: Any) -> Iterator[None]:
    """matplotlib's own defaults and ours, and afterwards what was before."""
    import matplotlib

    settings: dict[Any, Any] = {key: v for key, v in matplotlib.rcParamsDefault.items() if key not in _BACKENDS}
    with warnings.catch_warnings(), matplotlib.rc_context(settings | _STYLE | {"font.family": _families()} | more):
        # A script that no font here has: a browser has one, and in other files the boxes say so.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def _families() -> list[str]:
    """DejaVu Sans, and for scripts that it lacks whatever Noto fonts are installed."""
    from matplotlib import font_manager

    found = font_manager.get_font_names()
    return ["DejaVu Sans", *sorted(name for name in found if name.startswith("Noto Sans CJK"))[:1]]


def file_content(figure: Figure, kind: FigureType) -> bytes:
    """The figure as a file. Text in SVG is drawn as paths, so that it looks the same everywhere."""
    stamps = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}  # the same numbers, the same file
    buffer = io.BytesIO()
    with paper_style():
        figure.draw().savefig(buffer, format=kind, metadata=stamps[kind])
    return buffer.getvalue()


def _axes(height: float) -> tuple[Drawing, Axes]:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(WIDTH, height))
    return drawing, drawing.subplots()


def heatmap(
    matrix: Any,
    columns: Sequence[str],
    xlabel: str = "",
    ylabel: str = "",
    *,
    rows: Sequence[str] | None = (),
    dark: Literal["high", "low", "both"] = "high",
    diagonal: bool = True,
    numbers: str = ".2f",
    low: float = 0.0,
) -> Drawing:
    """A matrix with its numbers in the cells.

    Args:
        rows: names of the rows; () takes those of the columns, None counts them from 0.
        dark: which values are dark; "both" diverges from 0.
        diagonal: whether the diagonal means something.
        numbers: format of a cell's number.
        low: what is lowest on the scale of numbers up to 1.
    """
    import matplotlib

    shown = np.array(matrix, dtype=float)
    if not diagonal:
        np.fill_diagonal(shown, np.nan)
    height, width = shown.shape
    drawing, axes = _axes(min(9.0, 0.9 + WIDTH * 0.72 * height / max(width, 6)))
    names = {"high": "Blues", "low": "Blues_r", "both": "PuOr_r"}
    colours = matplotlib.colormaps[names[dark]].with_extremes(bad="#00000000")
    scale = matplotlib.colors.Normalize(*_limits(shown, dark, low, numbers), clip=True)
    edge = 0.5 if width <= 2 * _NUMBERED else 0.0
    axes.pcolormesh(np.ma.masked_invalid(shown), cmap=colours, norm=scale, edgecolors="white", linewidth=edge)
    axes.invert_yaxis()
    axes.set_aspect("auto" if rows is None else "equal")
    _ticks(axes, columns, [str(row) for row in range(height)] if rows is None else list(rows or columns))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if width <= _NUMBERED and height <= 2 * _NUMBERED:
        for (row, column), value in np.ndenumerate(shown):
            if np.isfinite(value):
                text = str(int(value)) if numbers == "d" else in_digits(float(value), numbers)
                place: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": 7 if width <= 8 else 5.5}
                axes.text(column + 0.5, row + 0.5, text, color=_legible_on(colours(scale(value))), **place)
    else:
        bar = drawing.colorbar(axes.collections[0], ax=axes, shrink=0.8)
        bar.outline.set_visible(False)
    return drawing


def _limits(matrix: Any, dark: str, low: float, numbers: str) -> tuple[float, float]:
    """The ends of the colour scale: 0 and 1 for shares, symmetric around a 0 in the middle, else the matrix's own."""
    defined = matrix[np.isfinite(matrix)]
    least, most = (float(defined.min()), float(defined.max())) if defined.size else (0.0, 1.0)
    if dark == "both":
        most = max(abs(least), abs(most), 1e-9)
        return -most, most
    if numbers == ".2f" and least >= 0 and most <= 1:
        return low, 1.0
    return least, most if most > least else least + 1


def _legible_on(colour: tuple[float, float, float, float]) -> str:
    red, green, blue, _ = colour
    return "#ffffff" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.55 else "#101010"


def _ticks(axes: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    for names, axis in ((columns, axes.xaxis), (rows, axes.yaxis)):
        step = 1 + (len(names) - 1) // 40
        axis.set_ticks(np.arange(0, len(names), step) + 0.5, [shortened(visible(name), 16) for name in names][::step])
        axis.set_tick_params(length=0, labelsize=7 if len(names) <= 20 else 5)
    longest = max((len(name) for name in columns), default=0)
    if longest * len(columns) > 36:
        for label in axes.get_xticklabels():
            label.set(rotation=40 if len(columns) <= _NUMBERED else 90, ha="right", rotation_mode="anchor")
            label.set_verticalalignment("top" if len(columns) <= _NUMBERED else "center")


def curves(
    series: Sequence[tuple[str, Any]],
    xlabel: str,
    ylabel: str,
    *,
    start: int = 0,
    floor: float | None = 0.0,
    reference: float | None = None,
    paired: bool = False,
    deviations: Sequence[Any] = (),
    positions: Sequence[Any] = (),
) -> Drawing:
    """Lines over whole numbers from `start` on. `paired` draws each two in one colour, the second dashed.

    `deviations` are shaded around the lines, one sequence a line; with `positions`, as many, they stand over these.
    """
    from matplotlib.ticker import MaxNLocator

    columns = 1 if max(len(name) for name, _ in series) > 20 else 2
    drawing, axes = _axes(2.0 + 0.16 * -(-len(series) // columns))
    if reference is not None:
        axes.axhline(reference, color="#808080", linewidth=0.6, linestyle=":")
    for number, (name, values) in enumerate(series):
        heights = _defined(values)
        colour, second = (number // 2, number % 2) if paired else (number, 0)
        where = positions[number] if positions else np.arange(start, start + len(heights))
        axes.plot(
            where,
            heights,
            label=visible(name),
            color=SERIES[colour % len(SERIES)],
            marker=_MARKS[colour % len(_MARKS)] if len(heights) <= 30 else None,
            linestyle="--" if second else "-",
            markerfacecolor="none" if second else None,
        )
        if deviations:
            around = _defined(deviations[number])
            shade = SERIES[colour % len(SERIES)]
            axes.fill_between(where, heights - around, heights + around, color=shade, alpha=0.18, linewidth=0)
    if not positions:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if floor is not None:
        axes.set_ylim(min(floor - 0.04, axes.get_ylim()[0]), max(1.04, axes.get_ylim()[1]))
    if len(series) > 1:
        drawing.legend(loc="outside upper center", ncols=columns, handlelength=2.4)
    return drawing


def _defined(values: Sequence[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def scatter(points: Sequence[tuple[float, float]], xlabel: str, ylabel: str) -> Drawing:
    drawing, axes = _axes(2.3)
    x, y = zip(*points, strict=True)
    axes.scatter(x, y, s=14, color=SERIES[0], alpha=0.8, linewidths=0)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    return drawing


def bars(groups: Sequence[str], series: Sequence[tuple[str, Sequence[float | None], Any]]) -> Drawing:
    """A group of bars each, one bar a series: (name, heights, deviations or None). Undefined heights leave a gap."""
    drawing, axes = _axes(2.6)
    width = 0.8 / len(series)
    hatches = ("", "/////", "\\\\\\\\\\", "xxxxx")  # of lines: a dot is a long path
    for number, (name, heights, deviations) in enumerate(series):
        errors = None if deviations is None else [np.nan if value is None else value for value in deviations]
        axes.bar(
            np.arange(len(groups)) + (number - (len(series) - 1) / 2) * width,
            [np.nan if height is None else height for height in heights],
            width * 0.92,
            yerr=errors,
            label=visible(name),
            color=SERIES[number % len(SERIES)],
            hatch=hatches[number % len(hatches)],
            edgecolor="white",
            linewidth=0,
            error_kw={"elinewidth": 0.8, "ecolor": INK, "capsize": 2},
        )
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylim(0, 1.05)
    drawing.legend(loc="outside upper center", ncols=2)
    return drawing


def changes(rows: Sequence[tuple[str, int, int]]) -> Drawing:
    """A row each, the first on top: how many were mended to the right of 0, how many broken to the left."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    drawing, axes = _axes(0.7 + 0.24 * len(rows))
    places = np.arange(len(rows))[::-1]
    axes.barh(places, [fixed for _, fixed, _ in rows], 0.7, label="fixed", color=SERIES[0])
    axes.barh(
        places, [-broken for *_, broken in rows], 0.7, label="broken", color=SERIES[1], hatch="/////", linewidth=0
    )
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_yticks(places, [shortened(visible(name), 34) for name, *_ in rows])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):.0f}"))
    axes.spines["left"].set_visible(False)
    drawing.legend(loc="outside upper center", ncols=2)
    return drawing
