"""Alerts: callbacks of Airflow that tell people what they should not have to look for.

The optional Airflow connection ``lakehouse_alerts`` chooses the notifier by its type; without it nothing is sent. An
alert that cannot be sent is logged, and changes nothing else.
"""

import logging
from asyncio import to_thread
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from html import escape
from textwrap import shorten
from threading import current_thread, main_thread
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseNotifier, Connection
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout

log = logging.getLogger(__name__)

CONNECTION = "lakehouse_alerts"
SECONDS = 15
"""How long an alert may take. Airflow kills what a task does 20 s after its end, and tries a failed task again then."""
LONGEST_LINE = 400
SERIES = 3
"""After so many runs in a row with the same warning there is an alert."""


@dataclass(frozen=True)
class Alert:
    """What happened, in a sentence and in counts, and where to look."""

    title: str
    lines: list[str]
    link: str


def callback(about: Callable[..., Alert | None]) -> Callable[..., None]:
    """Make what says whether there is an alert a callback that sends it, and that never raises."""

    @wraps(about)
    def send(*arguments: Any) -> None:
        # In the triggerer nothing is killed, and a signal would go astray.
        in_task = current_thread() is main_thread()
        try:
            with timeout(SECONDS) if in_task else nullcontext():  # type: ignore[no-untyped-call]  # it has no types
                connection = _connection()
                alert = about(*arguments) if connection else None
                if connection and alert:
                    # Not called, as callbacks are: that would take braces in the text for a template.
                    NOTIFIERS[str(connection.conn_type)](connection.extra_dejson, alert).notify({})
        except (Exception, AirflowTaskTimeout) as error:
            log.error("No alert was sent (%s: %s): see Alerts in docs/runbook.md", type(error).__name__, error)

    return send


def _connection() -> Connection | None:
    try:
        connection: Connection = Connection.get(CONNECTION)
    except AirflowNotFoundException:
        return None
    return connection


@callback
def task_failed(context: dict[str, Any]) -> Alert:
    """A task has failed for good: its gate stopped the run, or anything else."""
    from lakehouse.reports import GateError

    task, error = context["ti"], context.get("exception")
    cause = getattr(error, "__cause__", None)
    if isinstance(cause, GateError):
        return _about(task.dag_id, task.run_id, "a gate stopped a run", str(cause), *cause.failed)
    # What others raise may hold a password. It is in the log, where Airflow masks that.
    reason = str(error) if isinstance(error, AirflowFailException) else type(error).__name__ if error else "was killed"
    sentence = f"{task.task_id} failed at try {task.try_number}: {reason}"
    return _about(task.dag_id, task.run_id, "a task failed", sentence, link=task.log_url)


async def run_is_late(context: dict[str, Any]) -> None:
    """A run has missed its deadline: the triggerer calls this, which must not be held up by a notifier."""
    await to_thread(_late_run, context)


@callback
def _late_run(context: dict[str, Any]) -> Alert:
    run = context["dag_run"]
    deadline = datetime.fromisoformat(str(context["deadline"]["deadline_time"]))
    sentence = f"The run should have been done by {deadline:%Y-%m-%d %H:%M} UTC; its state is {run['state']}."
    return _about(run["dag_id"], run["dag_run_id"], "a run is late", sentence)


@callback
def warning_repeats(layer: str, context: dict[str, Any]) -> Alert | None:
    """A layer has passed its gate, with a warning that this and the runs before have had."""
    from pyiceberg.catalog import load_catalog

    from lakehouse.reports import repeated_warnings

    task = context["ti"]
    warnings = repeated_warnings(load_catalog("lake"), layer, task.run_id, SERIES)
    sentence = f"The gate of {layer} let the run pass, with warnings that {SERIES} runs in a row have had now."
    return _about(task.dag_id, task.run_id, "a warning repeats", sentence, *warnings) if warnings else None


@callback
def lag_grows(context: dict[str, Any]) -> Alert | None:
    """The stream moves fewer messages than come in."""
    from pyiceberg.catalog import load_catalog

    from lakehouse.stream.lag import growing_lag

    task = context["ti"]
    lags = growing_lag(load_catalog("lake"), task.run_id, SERIES)
    sentence = f"More messages wait in Kafka after each of {SERIES} runs: {', '.join(f'{lag:,}' for lag in lags)}."
    return _about(task.dag_id, task.run_id, "the stream does not keep up", sentence) if lags else None


def _about(dag_id: str, run_id: str, title: str, *lines: str, link: str | None = None) -> Alert:
    """An alert about a run, linked to its quality page unless there is a better one."""
    airflow = conf.get("api", "base_url", fallback="http://localhost:8080").rstrip("/")
    short = [shorten(line, LONGEST_LINE, placeholder=" ...") for line in (*lines, f"Run: {run_id}")]
    report = f"{airflow}/dags/{dag_id}/runs/{quote(run_id)}/plugin/run-quality"
    return Alert(f"{dag_id}: {title}", short, link or report)


def _sns(extra: dict[str, Any], alert: Alert) -> BaseNotifier:
    from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

    text = "\n".join([*alert.lines, alert.link])
    return SnsNotifier(aws_conn_id=CONNECTION, target_arn=extra["topic_arn"], subject=alert.title, message=text)


def _mail(extra: dict[str, Any], alert: Alert) -> BaseNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    link = escape(alert.link)
    paragraphs = [*map(escape, alert.lines), f'<a href="{link}">{link}</a>']
    html = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return SmtpNotifier(smtp_conn_id=CONNECTION, to=extra["to"], subject=alert.title, html_content=html)


def _slack(_: dict[str, Any], alert: Alert) -> BaseNotifier:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    text = "\n".join([f"*{alert.title}*", *alert.lines])
    return SlackWebhookNotifier(
        slack_webhook_conn_id=CONNECTION, text=f"{escape(text, quote=False)}\n<{escape(alert.link)}>"
    )


NOTIFIERS = {"aws": _sns, "smtp": _mail, "slackwebhook": _slack}
