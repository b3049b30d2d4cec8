select
    movie_id,
    explode(array_distinct(genres)) as genre,
    title,
    release_year,
    rating_count,
    rating_avg,
    rating_category
from {{ at_snapshot(source("gold", "movie_analytics")) }}
where rating_count >= {{ var("min_ratings") }}
