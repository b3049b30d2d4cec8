"""Line charts as plain numbers; the template draws them as SVG, so that a page needs no library."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 900, 180
MARGIN = 6


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    label: str
    is_bad: bool = False


@dataclass(frozen=True)
class Bound:
    """A threshold: a horizontal line with its name."""

    y: float
    label: str


@dataclass(frozen=True)
class LineChart:
    """A line through points in a box of WIDTH x HEIGHT, and the thresholds that lie in it."""

    title: str
    points: list[Point]
    bounds: list[Bound]
    low: str
    high: str
    first: str
    last: str

    @property
    def path(self) -> str:
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def line_chart(
    title: str,
    values: Sequence[tuple[str, float]],
    *,
    bounds: Sequence[tuple[str, float]] = (),
    bad: Sequence[bool] = (),
    form: str = ",.0f",
    span: tuple[float, float] | None = None,
) -> LineChart:
    """A chart of (label, value) pairs, evenly spaced.

    ``bounds`` are (label, value) pairs of thresholds, ``bad`` marks points, ``form`` is how values are written, and
    ``span`` is what the chart shows at least.
    """
    numbers = [value for _, value in [*values, *bounds]] + list(span or ()) or [0.0]
    low, high = min(numbers), max(numbers)
    difference = (high - low) or 1.0

    def height(value: float) -> float:
        return MARGIN + (HEIGHT - 2 * MARGIN) * (high - value) / difference

    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    marks = [*bad, *[False] * (len(values) - len(bad))]
    points = [
        Point(MARGIN + step * place, height(value), f"{label}: {value:{form}}", is_bad)
        for place, ((label, value), is_bad) in enumerate(zip(values, marks, strict=True))
    ]
    lines = [Bound(height(value), f"{label}: {value:{form}}") for label, value in bounds]
    ends = (values[0][0], values[-1][0]) if values else ("", "")
    return LineChart(title, points, lines, f"{low:{form}}", f"{high:{form}}", *ends)
