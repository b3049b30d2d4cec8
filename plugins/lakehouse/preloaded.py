"""What the process has done that Airflow's workers are forked from, once for all tasks: see ``mp_forkserver_preload``.

It must not import what may change while Airflow runs, for its imports stay as they were.
"""

from contextlib import suppress

from lakehouse.dbt_project import DbtError, parsed

with suppress(DbtError):  # the task that needs the project says what is wrong
    parsed()
