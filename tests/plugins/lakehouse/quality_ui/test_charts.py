"""Where the points of a line chart lie."""

import pytest

from lakehouse.quality_ui.charts import HEIGHT, MARGIN, WIDTH, line_chart


def test_values_are_spread_over_the_width_and_from_the_lowest_to_the_highest():
    chart = line_chart("Rows", [("2001-01", 10), ("2001-02", 30), ("2001-03", 20)])

    assert [point.x for point in chart.points] == [MARGIN, WIDTH / 2, WIDTH - MARGIN]
    assert [point.y for point in chart.points] == [HEIGHT - MARGIN, MARGIN, HEIGHT / 2]
    assert (chart.low, chart.high, chart.first, chart.last) == ("10", "30", "2001-01", "2001-03")
    assert chart.points[1].label == "2001-02: 30"
    assert chart.path == "6.0,174.0 450.0,6.0 894.0,90.0"


def test_thresholds_and_the_wanted_span_are_in_the_picture():
    chart = line_chart("Mean", [("2001-01", 3.5)], bounds=[("at least", 2.0)], span=(0, 5), form=".2f")

    assert [bound.label for bound in chart.bounds] == ["at least: 2.00"]
    assert (chart.low, chart.high) == ("0.00", "5.00")
    assert MARGIN < chart.points[0].y < chart.bounds[0].y < HEIGHT - MARGIN


def test_bad_points_are_marked():
    chart = line_chart("Score", [("a", 1), ("b", 2)], bad=[False, True])

    assert [point.is_bad for point in chart.points] == [False, True]


@pytest.mark.parametrize("values", [[], [("a", 7)], [("a", 7), ("b", 7)]])
def test_no_values_or_equal_ones_are_no_error(values):
    chart = line_chart("Rows", values)

    assert len(chart.points) == len(values)
    assert all(0 <= point.y <= HEIGHT for point in chart.points)
