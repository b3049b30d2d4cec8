"""What every DAG shares: task defaults, the Spark connection, how a month is written, and the settings."""

from datetime import timedelta
from typing import Any

from lakehouse.alerts import task_failed

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "lakehouse",
    # Together about two minutes, in which a service that was restarted is back.
    "retries": 6,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 1.5,
    "max_retry_delay": timedelta(minutes=1),
    "on_failure_callback": task_failed,
}
MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
"""How params name a month."""
SPARK: dict[str, Any] = {"conn_id": "spark_default", "pool": "spark"}


def setting(name: str, default: str | None = None) -> str:
    """Return the Airflow variable ``lakehouse_<name>``.

    Raises:
        KeyError: the variable is not set and there is no default.
    """
    from airflow.sdk import Variable

    value = Variable.get(f"lakehouse_{name}", default=default)
    if value is None:
        raise KeyError(f"Airflow variable lakehouse_{name} is not set: add it under Admin > Variables")
    return str(value)
