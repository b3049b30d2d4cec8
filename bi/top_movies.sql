-- The best rated movies with enough ratings. The table has none with fewer than lakehouse_top_movies_min_ratings.
with enough_ratings as (
    select
        cast(row_number() over (order by rank) as int) as place,
        movie_id,
        title,
        release_year,
        rating_count,
        rating_avg
    from gold.top_movies
    cross join parameters
    where rating_count >= min_ratings_of_a_movie
)

select enough_ratings.*
from enough_ratings
cross join parameters
where place <= top_movies_limit
order by place;
