"""The synthetic sample: always the same bytes, and the shape of ml-latest-small."""

import csv
import hashlib
import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from lakehouse.landing.csv_files import COLUMNS
from lakehouse.sample import generate

SHA256 = {
    "ratings.csv": "a5082cc3c642e899bbc7cd5d593943dabb3cb2d0f76f2e0c25efc63bbf7297b6",
    "tags.csv": "58c73208bd15cc9043c1e5ebdd0449a80a1bc128ff92975ef745316cc50e9980",
    "movies.csv": "2169077d42991d9e113dd74fcbf29e00816ab30ad4435169fcf74d009292f2b6",
    "links.csv": "f28eb5d700b402fe90b334a3d44789ed0b38d8dbdc19e99fc8e7ca303a765d16",
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    generate(folder)
    return folder


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_bytes_never_change(sample):
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sample.glob("*.csv")}

    assert digests == SHA256, "a generator that writes other bytes needs another SEED, since the sample is cached"


def test_another_seed_gives_other_bytes(sample, tmp_path):
    generate(tmp_path, seed=7)

    for name in SHA256:
        assert (tmp_path / name).read_bytes() != (sample / name).read_bytes()


@pytest.mark.parametrize("table", COLUMNS)
def test_files_look_as_grouplens_writes_them(sample, table):
    content = (sample / f"{table}.csv").read_bytes()

    assert content.startswith(",".join(COLUMNS[table]).encode() + b"\r\n")
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")
    assert content.endswith(b"\r\n")
    assert all(None not in row and None not in row.values() for row in rows(sample / f"{table}.csv"))


def test_ratings_have_the_shape_of_the_small_dataset(sample):
    ratings = rows(sample / "ratings.csv")
    pairs = [(int(row["userId"]), int(row["movieId"])) for row in ratings]
    users, movies = Counter(user for user, _ in pairs), Counter(movie for _, movie in pairs)
    shares = Counter(row["rating"] for row in ratings)
    times = [datetime.fromtimestamp(int(row["timestamp"]), UTC) for row in ratings]

    assert len(ratings) == 100_000
    assert pairs == sorted(set(pairs)), "sorted, and each pair once"
    assert (len(users), set(users) == set(range(1, 611))) == (610, True)
    assert min(users.values()) >= 20
    assert max(users.values()) > 2_000
    assert movies.most_common(1)[0][1] > 200, "a few movies that nearly everybody knows"
    assert sum(count <= 3 for count in movies.values()) > 2_000, "and many that hardly anybody does"
    assert [round(shares[f"{half / 2}"] / 1000) for half in range(1, 11)] == [1, 3, 2, 8, 6, 20, 13, 27, 9, 13]
    assert len({(time.year, time.month) for time in times}) >= 267
    assert (min(times).strftime("%Y-%m"), max(times).strftime("%Y-%m")) == ("1996-03", "2018-09")


def test_some_movies_are_good_and_some_are_bad(sample):
    ratings: dict[str, list[float]] = {}
    for row in rows(sample / "ratings.csv"):
        ratings.setdefault(row["movieId"], []).append(float(row["rating"]))
    averages = [sum(stars) / len(stars) for stars in ratings.values() if len(stars) >= 50]

    assert min(averages) < 3
    assert max(averages) > 4


def test_movies_have_the_oddities_of_the_real_ones(sample):
    movies = rows(sample / "movies.csv")
    titles = [movie["title"] for movie in movies]

    assert len(movies) == len({movie["movieId"] for movie in movies}) == 9_742
    assert sum(movie["genres"] == "(no genres listed)" for movie in movies) == 34
    assert sum(not re.search(r"\(\d{4}\)$", title) for title in titles) == 24
    assert sum(not re.search(r"\(\d{4}\)$", title.strip()) for title in titles) == 13
    assert any(", The (" in title for title in titles)
    assert any('"' in title for title in titles)
    assert any(not title.isascii() for title in titles)
    assert max(re.findall(r"\((\d{4})\)", " ".join(titles))) <= "2018"


def test_tags_and_links_belong_to_the_movies(sample):
    movies = {movie["movieId"] for movie in rows(sample / "movies.csv")}
    tags, links = rows(sample / "tags.csv"), rows(sample / "links.csv")

    assert {link["movieId"] for link in links} == movies
    assert len({link["imdbId"] for link in links}) == len(links)
    assert sum(link["tmdbId"] == "" for link in links) == 8
    assert len(tags) == 3_703
    assert {tag["movieId"] for tag in tags} <= movies
    assert any("," in tag["tag"] for tag in tags)


def test_other_sizes(tmp_path):
    generate(tmp_path, ratings=30_000, users=400, movies=3_000, first_month="2001-01", months=12)

    ratings = rows(tmp_path / "ratings.csv")
    assert len(ratings) == len({(row["userId"], row["movieId"]) for row in ratings}) == 30_000
    assert {datetime.fromtimestamp(int(row["timestamp"]), UTC).strftime("%Y-%m") for row in ratings} == {
        f"2001-{month:02}" for month in range(1, 13)
    }


def test_more_ratings_than_the_users_can_give_are_refused(tmp_path):
    with pytest.raises(ValueError, match="10 movies are too few for 100 ratings by 3 users"):
        generate(tmp_path, ratings=100, users=3, movies=10)
