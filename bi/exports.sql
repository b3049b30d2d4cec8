-- DuckDB only: gives the exports the names that their tables have in the lake. The folder data/ is that of the site,
-- beside you or in the file_search_path.
create schema if not exists gold;
create or replace view gold.movies_by_year as from 'data/movies_by_year.parquet';
create or replace view gold.rating_distribution as from 'data/rating_distribution.parquet';
create or replace view gold.top_movies as from 'data/top_movies.parquet';
create or replace view gold.genre_stats as from 'data/genre_stats.parquet';
