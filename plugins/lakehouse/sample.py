"""Make a synthetic dataset in the shape of MovieLens: the dataset ``sample``, and larger ones for the benchmark.

Titles and tags are put together from word lists; no real film and no real person occurs. The same arguments give the
same bytes on every machine: only integers are computed, from the raw output of PCG64, which numpy guarantees never to
change.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Integers = NDArray[np.int64]

SEED = 1996  # a generator that writes other bytes needs another seed: `sample` is cached under it
FEWEST_RATINGS = 20  # of a user, as in MovieLens
HALF_STARS = ["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0"]
HALF_STAR_SHARES = [14, 28, 18, 75, 55, 199, 130, 266, 85, 130]  # in a thousand ratings
LINES_AT_ONCE = 1_000_000


def words(text: str, separator: str | None = None) -> list[str]:
    return [word.strip() for word in text.split(separator)]


# The frequent ones first.
GENRES = words(
    """
    Drama Comedy Thriller Action Romance Adventure Crime Sci-Fi Horror Fantasy Children Animation Mystery
    Documentary War Musical Western IMAX Film-Noir
    """
)
ADJECTIVES = words(
    """
    Amber Ancient Bitter Blue Borrowed Bright Broken Burning Café Clever Copper Crimson Crooked Distant Dusty
    Electric Emerald Empty Faded Fearless Final Forgotten Fragile Frozen Gentle Golden Hidden Hollow Honest Hungry
    Invisible Iron Lonely Loud Lucky Midnight Naïve Nervous Northern Painted Paper Patient Perfect Quiet Restless
    Reluctant Rusty Scarlet Secret Seventh Silent Silver Sleeping Southern Stolen Stubborn Sunken Tender Thirsty
    Velvet Wandering Wicked Wild Winter
    """
)
NOUNS = words(
    """
    Accordion Almanac Archipelago Atlas Avalanche Balcony Beacon Beekeeper Bicycle Cartographer Cathedral Comet
    Compass Detour Échelle Elevator Engine Envelope Ferryman Festival Fjörd Fountain Garden Glacier Gramophone
    Harbor Harvest Horizon Inventor Island Jigsaw Juniper Kingdom Labyrinth Lantern Lighthouse Locksmith Magician
    Mañana Meadow Mirror Monsoon Mountain Museum Orchard Orchestra Parade Passenger Pendulum Piano Pilot Promise
    Railway River Satellite Season Staircase Summer Tailor Telegram Thunder Umbrella Violin Voyage
    """
)
TAGS = words(
    """
    atmospheric | beautiful, but slow | based on a book | cult | dark comedy | dreamlike | Funny | great soundtrack
    | heist | in my queue | mind-bending | needs "another" look | predictable | quirky | road trip | sad ending |
    space | surreal | time travel | twist ending | visually appealing | with family
    """,
    "|",
)

README = """Synthetic sample in the shape of MovieLens

This is not MovieLens data. A generator made every user, movie, rating and tag; none of them is real.
{ratings} ratings of {movies} movies by {users} users, {months} months from {first_month}, seed {seed}.
"""


def generate(
    folder: Path,
    *,
    ratings: int = 100_000,
    users: int = 610,
    movies: int = 9_742,
    first_month: str = "1996-03",
    months: int = 271,
    seed: int = SEED,
) -> None:
    """Write ratings.csv, tags.csv, movies.csv, links.csv and README.txt into ``folder``.

    Ratings are sorted by user and movie and hold each pair once; times are UTC seconds, from ``first_month`` on.
    Raises ValueError when the users cannot have that many different ratings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.PCG64(seed).random_raw
    start, end = (np.datetime64(first_month, "M") + np.array([0, months])).astype("datetime64[s]").astype(np.int64)
    movie_ids = np.cumsum(1 + below(39, draw(movies)))

    write_movies(
        folder / "movies.csv", movie_ids, draw, last_year=int(str(np.datetime64(first_month, "M") + months)[:4])
    )
    write_links(folder / "links.csv", movie_ids, draw)
    activity = ratings_of_users(ratings, users, movies, draw)
    rated = rated_movies(activity, popularity(movies, draw), draw)
    user = np.repeat(np.arange(users), activity)
    stars = half_stars(user, rated, draw)
    seconds = rating_seconds(activity, int(start), int(end), draw)
    write_ratings(folder / "ratings.csv", user + 1, movie_ids[rated], stars, seconds)
    write_tags(folder / "tags.csv", user + 1, movie_ids[rated], seconds, int(end), draw)
    (folder / "README.txt").write_text(
        README.format(ratings=ratings, movies=movies, users=users, months=months, first_month=first_month, seed=seed)
    )


def below(limit: int, raw: NDArray[np.uint64]) -> Integers:
    """Whole numbers from 0 to ``limit`` - 1 out of raw 64-bit draws."""
    return ((raw >> np.uint64(32)) % np.uint64(limit)).astype(np.int64)


def shuffled(count: int, draw: Any) -> Integers:
    """The numbers 0 to ``count`` - 1 in random order."""
    return np.argsort(draw(count), kind="stable").astype(np.int64)


def popularity(movies: int, draw: Any) -> Integers:
    """Relative weight of each movie: a power law, in random order."""
    return 10**9 // (60 + shuffled(movies, draw))


def ratings_of_users(ratings: int, users: int, movies: int, draw: Any) -> Integers:
    """How many ratings each user gives: at least 20 each, the rest by a power law; adds up to ``ratings``."""
    fewest = min(FEWEST_RATINGS, ratings // users)
    weights = 10**6 // (8 + users // 470 + np.arange(users))
    shares = np.cumsum(weights) * (ratings - fewest * users) // weights.sum()
    activity: Integers = fewest + np.diff(shares, prepend=0)
    if fewest == 0 or activity.max() > movies:
        raise ValueError(f"{movies} movies are too few for {ratings} ratings by {users} users")
    return activity[shuffled(users, draw)]


def rated_movies(activity: Integers, weights: Integers, draw: Any) -> Integers:
    """Index of the movie of every rating, ascending and without repetition within each user.

    Systematic sampling: a user with k ratings walks along the movies' cumulated weights in k equal strides from a
    random start. No movie is wider than a stride (``stride_of``), so none is met twice.
    """
    first_row = np.cumsum(activity) - activity
    start = draw(len(activity))
    movie = np.empty(activity.sum(), dtype=np.int64)
    for count in np.unique(activity):
        of_users = np.flatnonzero(activity == count)
        stride = stride_of(int(count), weights)
        strides = np.arange(count)
        points = below(stride, start[of_users])[:, None] + strides * stride
        movie[first_row[of_users][:, None] + strides] = np.searchsorted(
            np.cumsum(np.minimum(weights, stride)), points, "right"
        )
    return movie


def stride_of(count: int, weights: Integers) -> int:
    """The stride that passes all movies in ``count`` steps once no movie is wider than the stride."""
    stride, shorter = 0, int(weights.sum()) // count
    while stride != shorter:
        stride, shorter = shorter, int(np.minimum(weights, shorter).sum()) // count
    return stride


def half_stars(user: Integers, movie: Integers, draw: Any) -> Integers:
    """Half stars of every rating, 0 for 0.5 to 9 for 5.0: more for good movies and from mild users, in fixed shares."""
    quality, mildness = below(1 << 15, draw(movie.max() + 1)), below(1 << 14, draw(user[-1] + 1))
    liking = below(1 << 15, draw(len(user))) + quality[movie] + mildness[user]
    cumulated = np.cumsum(np.bincount(liking))
    highest_liking = np.searchsorted(cumulated * 1000, np.cumsum(HALF_STAR_SHARES)[:-1] * len(user))
    return np.searchsorted(highest_liking, liking, "left")


def rating_seconds(activity: Integers, start: int, end: int, draw: Any) -> Integers:
    """Time of every rating in seconds: users come for an evening, and for one more per 60 ratings, weeks apart."""
    day, users = 86_400, len(activity)
    sessions = 1 + activity // 60
    session_user = np.repeat(np.arange(users), sessions)
    first_visit = below(end - start, draw(users))
    opened = first_visit[session_user] + np.arange(len(session_user)) % 97 * below(60 * day, draw(len(session_user)))
    row_user = np.repeat(np.arange(users), activity)
    session = (np.cumsum(sessions) - sessions)[row_user] + below(1 << 31, draw(len(row_user))) % sessions[row_user]
    seconds: Integers = start + (opened[session] + below(2 * 3_600, draw(len(row_user)))) % (end - start)
    return seconds


def write_ratings(path: Path, user_ids: Integers, movie_ids: Integers, stars: Integers, seconds: Integers) -> None:
    """Write ratings.csv; the lines are joined by Arrow, since no CSV writer is asked to end lines with CRLF as fast."""
    half_star_texts = pa.array(HALF_STARS)
    with path.open("wb") as file:
        file.write(b"userId,movieId,rating,timestamp\r\n")
        for first in range(0, len(user_ids), LINES_AT_ONCE):
            rows = slice(first, first + LINES_AT_ONCE)
            numbers = [pa.array(column[rows]).cast(pa.string()) for column in (user_ids, movie_ids, seconds)]
            texts = half_star_texts.take(pa.array(stars[rows]))
            lines = pc.binary_join_element_wise(numbers[0], numbers[1], texts, numbers[2], ",")
            file.write(pc.binary_join_element_wise(lines, "", "\r\n").buffers()[2])


def write_tags(path: Path, user_ids: Integers, movie_ids: Integers, seconds: Integers, end: int, draw: Any) -> None:
    """Write tags.csv: one rating in 27 gets a tag, some seconds after."""
    tagged = np.sort(shuffled(len(user_ids), draw)[: len(user_ids) // 27])
    tag = below(len(TAGS), draw(len(tagged)))
    tagged_at = np.minimum(seconds[tagged] + below(600, draw(len(tagged))), end - 1)
    columns = zip(user_ids[tagged].tolist(), movie_ids[tagged].tolist(), tag.tolist(), tagged_at.tolist(), strict=True)
    write_csv(path, "userId,movieId,tag,timestamp", ((user, movie, TAGS[tag], at) for user, movie, tag, at in columns))


def write_movies(path: Path, movie_ids: Integers, draw: Any, last_year: int) -> None:
    """Write movies.csv with the oddities of MovieLens: no year, a blank after the year, quotes, no genres."""
    bits = draw(len(movie_ids)).tolist()
    odd = shuffled(len(movie_ids), draw).tolist()
    rows = (
        (id, title(raw, rank, last_year), genres(raw, rank))
        for id, raw, rank in zip(movie_ids.tolist(), bits, odd, strict=True)
    )
    write_csv(path, "movieId,title,genres", rows)


def title(raw: int, rank: int, last_year: int) -> str:
    """A title from the bits of ``raw``; a few (``rank``) have no year, or a blank behind it."""
    adjective, noun, other = ADJECTIVES[raw % 64], NOUNS[raw // 64 % 64], NOUNS[raw // 64**2 % 64]
    words = [
        f"{adjective} {noun}",
        f"{adjective} {noun}, The",
        f"{noun} of the {other}",
        f"{noun} and {other}",
        f"{adjective} {noun}: The {other}",
        f"{adjective} {noun}, A",
        f"My {adjective} {noun}",
        f'"{adjective}" {noun}' if raw // 64**4 % 16 == 0 else f"{noun} {1 + raw // 64**4 % 16}",
    ][raw // 64**3 % 8]
    age = min(raw // 64**5 % 64, raw // 64**6 % 64, raw // 64**7 % 64 + 1)
    return words if 34 <= rank < 47 else f"{words} ({last_year - 1 - age})" + (" " if 47 <= rank < 58 else "")


def genres(raw: int, rank: int) -> str:
    """One to four genres in alphabetical order, the frequent ones more often; none for 34 movies."""
    if rank < 34:
        return "(no genres listed)"
    places = [min(raw >> shift, raw >> shift + 5, key=lambda bits: bits % 32) % 32 for shift in (24, 34, 44, 54)]
    return "|".join(sorted({GENRES[place % len(GENRES)] for place in places[: 1 + raw % 4]}))


def write_links(path: Path, movie_ids: Integers, draw: Any) -> None:
    """Write links.csv; eight movies have no tmdbId."""
    numbers = np.cumsum(1 + below(150, draw(len(movie_ids)))).tolist()
    rank = shuffled(len(movie_ids), draw).tolist()
    rows = (
        (id, f"{n:07d}", n // 3 if odd >= 8 else "")
        for id, n, odd in zip(movie_ids.tolist(), numbers, rank, strict=True)
    )
    write_csv(path, "movieId,imdbId,tmdbId", rows)


def write_csv(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Write lines that end with CRLF, quoted where needed."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
