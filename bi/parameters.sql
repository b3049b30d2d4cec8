-- Limits and thresholds of the queries beside this file. Run it first, in the same session, with the values that you
-- want. A view, because it is the one form of a parameter that DuckDB and Spark both understand.
create or replace temporary view parameters as
select
    10 as top_movies_limit,
    50 as min_ratings_of_a_movie,
    100 as min_ratings_of_a_year,
    1900 as first_release_year,
    1000 as min_ratings_of_a_genre;
