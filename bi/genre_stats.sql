-- Genres with enough ratings, the most rated first. A movie counts in each of its genres, so ratings do not add up.
select
    genre,
    movie_count,
    rated_movie_count,
    rating_count,
    rating_count / nullif(rated_movie_count, 0) as ratings_per_rated_movie,
    rating_avg
from gold.genre_stats
cross join parameters
where rating_count >= min_ratings_of_a_genre
order by rating_count desc, genre;
