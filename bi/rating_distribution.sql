-- Movies and ratings by category, best first, with their shares; a share is null where there is nothing to share.
select
    rating_category,
    movie_count,
    movie_count / nullif(sum(movie_count) over (), 0) as movie_share,
    rating_count,
    rating_count / nullif(sum(rating_count) over (), 0) as rating_share
from gold.rating_distribution
order by
    case rating_category when 'High' then 1 when 'Medium' then 2 when 'Low' then 3 else 4 end;
