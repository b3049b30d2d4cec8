-- Movies by year of release, each with those released until then; no mean where a year has too few ratings for one.
select
    release_year,
    movie_count,
    cast(sum(movie_count) over (order by release_year) as bigint) as movie_count_until_then,
    rated_movie_count,
    rating_count,
    case when rating_count >= min_ratings_of_a_year then rating_avg end as rating_avg
from gold.movies_by_year
cross join parameters
where release_year >= first_release_year
order by release_year;
