"""Makes the deadline of runs known to Airflow."""

from airflow.plugins_manager import AirflowPlugin

from lakehouse.deadline import EndOfRun


class Deadlines(AirflowPlugin):
    name = "lakehouse_deadlines"
    deadline_references = [EndOfRun]  # noqa: RUF012  Airflow has them as a list
