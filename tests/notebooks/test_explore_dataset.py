"""The notebook as it is committed; tests/integration/test_notebook.py runs it."""

import nbformat

from infra.files import REPOSITORY

NOTEBOOK = nbformat.read(REPOSITORY / "notebooks" / "explore_dataset.ipynb", as_version=4)


def test_it_is_committed_without_outputs():
    nbformat.validate(NOTEBOOK)
    code = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]

    assert len(code) >= 7
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)
    assert NOTEBOOK.metadata.keys() == {"kernelspec", "language_info"}


def test_every_chart_has_a_title_and_units_on_its_axes():
    charts = [cell.source for cell in NOTEBOOK.cells if "plt.show()" in cell.source]

    assert len(charts) >= 7
    for source in charts:
        assert "title(" in source
        assert "xlabel(" in source
