"""Pages of data quality, as part of the Airflow UI."""
