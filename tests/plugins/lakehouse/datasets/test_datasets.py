"""Folders, the generated sample, and what there is not."""

import pytest

from lakehouse.datasets import DatasetError, open_dataset


def test_an_incomplete_folder_is_refused(tmp_path):
    (tmp_path / "ratings.csv").touch()

    with pytest.raises(DatasetError, match=r"has no tags.csv, movies.csv, links.csv"):
        open_dataset(str(tmp_path), tmp_path / "cache")


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(
        DatasetError, match=r"No dataset 'ml-27m': give one of ml-latest-small, .*, sample, or the full path"
    ):
        open_dataset("ml-27m", tmp_path)


def test_the_sample_is_generated_once(tmp_path):
    folder = open_dataset("sample", tmp_path).folder
    (folder / "ratings.csv").write_text("kept")

    assert (open_dataset("sample", tmp_path).folder / "ratings.csv").read_text() == "kept"


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".unfinished-killed").mkdir()

    open_dataset("sample", tmp_path)

    assert not (tmp_path / ".unfinished-killed").exists()
