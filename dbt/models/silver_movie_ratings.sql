select
    movie_id,
    title,
    release_year,
    genres,
    rating_count,
    rating_avg
from {{ at_snapshot(source("gold", "movie_analytics")) }}
