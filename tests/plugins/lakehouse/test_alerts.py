"""What is sent to whom, and that nothing that goes wrong there matters to a run."""

import asyncio
import json
import logging
import re
import shlex
import socket
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.sdk.exceptions import AirflowFailException

from infra.files import REPOSITORY
from infra.local.config import HOST
from lakehouse import alerts, layers, rollback
from lakehouse.alerts import NOTIFIERS, Alert, run_is_late, task_failed, warning_repeats
from lakehouse.reports import Finding, Report, pass_or_raise, store
from tests.fixtures.lake import new_run, numbers
from tests.fixtures.receivers import free_port, html_of, http_receiver, mail_receiver

RUN_ID = "manual__2026-11-22T12:00:00+00:00"
RUN_PAGE = "http://localhost:8080/dags/a_dag/runs/manual__2026-11-22T12%3A00%3A00%2B00%3A00"
REPORT = f"{RUN_PAGE}/plugin/run-quality"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:lakehouse"
FAILED = Finding("expect_b", "rating", "critical", "Tell <all> & {{ ds }}", False, None, 30, 1.0, [], {})
WARNED = Finding("expect_c", None, "warning", "Why c.", False, "1.5", None, None, [], {})

Channel = namedtuple("Channel", "connection received")


@pytest.fixture
def connect(monkeypatch):
    """A function that makes a connection the one of alerts."""
    for name in ("http_proxy", "https_proxy"):  # Slack's client would ask a proxy for this machine, too
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return lambda connection: monkeypatch.setenv("AIRFLOW_CONN_LAKEHOUSE_ALERTS", json.dumps(connection))


@pytest.fixture
def http():
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def mail():
    with mail_receiver() as receiver:
        yield receiver


def slack(url):
    return {"conn_type": "slackwebhook", "host": f"{url}/services", "password": "T0/B0/secret"}


def sns(url):
    extra = {"topic_arn": TOPIC, "region_name": "eu-central-1", "endpoint_url": url}
    extra["config_kwargs"] = {"retries": {"max_attempts": 1}}
    return {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}


def smtp(port):
    extra = {"from_email": "lake@example.org", "to": "a@example.org, b@example.org"}
    extra |= {"disable_ssl": True, "disable_tls": True}
    return {"conn_type": "smtp", "host": HOST, "port": port, "extra": extra}


@pytest.fixture(params=["slack", "sns", "mail"])
def channel(request):
    """A connection to a local server, and a function that returns the texts that it has received."""
    if request.param == "mail":
        mail = request.getfixturevalue("mail")
        return Channel(smtp(mail.port), lambda: [html_of(each) for each in mail.mails])
    http = request.getfixturevalue("http")
    if request.param == "slack":
        return Channel(slack(http.url), lambda: [json.loads(body)["text"] for body in http.bodies])
    return Channel(sns(http.url), lambda: [json.loads(form(body)["Message"])["default"] for body in http.bodies])


def form(body):
    return {name: value for name, (value,) in parse_qs(body.decode()).items()}


def context(error=None, run_id=RUN_ID):
    """What Airflow tells the callbacks of a task."""
    task = SimpleNamespace(
        dag_id="a_dag", run_id=run_id, task_id="silver.write", try_number=7, log_url=f"{RUN_PAGE}/tasks/silver.write"
    )
    return {"ti": task, "exception": error}


GATES = {
    "load": lambda run: layers.audit(None, "silver", run, "a_dag"),
    "rollback": lambda run: rollback.audit_rollback(None, "silver", {"run": run, "heads": {"silver.tags": 1}}, "a_dag"),
}


@pytest.fixture(params=GATES)
def stopped(request, monkeypatch):
    """The exception of a task whose gate has stopped the run."""
    reports = [Report("silver.tags", 41, 5, [FAILED]), Report("silver.ratings", 42, 3, [WARNED, FAILED])]
    for module in (layers, rollback):
        monkeypatch.setattr(module, "audit_branches", lambda *_: pass_or_raise("silver", reports))
        monkeypatch.setattr(module, "load_catalog", lambda _: None)
    with pytest.raises(AirflowFailException) as raised:
        GATES[request.param](new_run().to_json())
    return raised.value


def test_a_stopped_gate_is_told_with_its_sentence_its_counts_and_its_report(connect, channel, stopped):
    connect(channel.connection)

    task_failed(context(stopped))

    (text,) = channel.received()
    assert "The gate of silver stopped the run: silver.tags (1 critical), silver.ratings (1 critical)." in text
    assert "silver.tags: critical expect_b(rating): 30 rows." in text
    assert "silver.ratings: critical expect_b(rating): 30 rows." in text
    assert "expect_c" not in text
    assert f"Run: {RUN_ID}" in text
    assert REPORT in text


@pytest.mark.parametrize("stopped", ["load"], indirect=True)
def test_text_is_neither_markup_nor_a_template(connect, channel, stopped):
    connect(channel.connection)

    task_failed(context(stopped))

    (text,) = channel.received()
    is_plain = channel.connection["conn_type"] == "aws"
    assert ("Tell <all> & {{ ds }}" if is_plain else "Tell &lt;all&gt; &amp; {{ ds }}") in text


def test_a_mail_goes_to_everybody_named_with_a_subject(connect, mail):
    connect(smtp(mail.port))

    task_failed(context())

    (received,) = mail.mails
    assert received["Subject"] == "a_dag: a task failed"
    assert received["From"] == "lake@example.org"
    assert mail.recipients == ["a@example.org", "b@example.org"]


def test_a_topic_gets_a_subject(connect, http):
    connect(sns(http.url))

    task_failed(context())

    request = form(http.bodies[0])
    assert (request["Action"], request["TargetArn"]) == ("Publish", TOPIC)
    assert request["Subject"] == "a_dag: a task failed"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AirflowFailException("ratings.csv is empty: correct it"), "ratings.csv is empty: correct it"),
        (RuntimeError("cannot connect with password=secret"), "RuntimeError"),
        (None, "was killed"),
    ],
    ids=["our own words", "a foreign exception", "no exception"],
)
def test_a_failed_task_is_told_with_its_log_and_without_what_may_be_secret(connect, http, error, reason):
    connect(slack(http.url))

    task_failed(context(error))

    text = json.loads(http.bodies[0])["text"]
    assert f"silver.write failed at try 7: {reason}\n" in text
    assert f"<{RUN_PAGE}/tasks/silver.write>" in text
    assert "password=" not in text


def test_a_late_run_is_told_with_its_deadline_its_state_and_its_report(connect, channel):
    connect(channel.connection)

    run = {"dag_id": "a_dag", "dag_run_id": RUN_ID, "state": "running"}
    deadline = {"id": "1", "deadline_time": "2026-11-22 14:05:00+00:00"}
    with ThreadPoolExecutor(1) as pool:  # the browser of other tests has a loop in the main thread
        pool.submit(asyncio.run, run_is_late(context={"dag_run": run, "deadline": deadline})).result()

    (text,) = channel.received()
    assert "The run should have been done by 2026-11-22 14:05 UTC; its state is running." in text
    assert REPORT in text


def test_a_warning_of_three_runs_in_a_row_is_told_once(connect, channel, s3, lake_tables):
    connect(channel.connection)
    table = f"silver.table_{next(numbers)}"

    for told in (0, 0, 1, 1):
        run = new_run()
        store(s3, "lake", lake_tables, "a_dag", run, "silver", [Report(table, 1, 1, [WARNED])])
        warning_repeats("silver", context(run_id=run.run_id))

        assert len(channel.received()) == told

    (text,) = channel.received()
    assert "The gate of silver let the run pass, with warnings that 3 runs in a row have had now." in text
    assert f"{table}: warning expect_c(): observed 1.5. Why c." in text
    assert "/plugin/run-quality" in text


def test_a_long_line_is_cut(connect, http):
    connect(slack(http.url))

    task_failed(context(AirflowFailException("so\nmuch " * 1000)))

    assert len(json.loads(http.bodies[0])["text"]) < 1000


def nobody(_):
    return f"http://{HOST}:{free_port()}"


def refusing(request):
    """A server that answers, but with an error."""
    http = request.getfixturevalue("http")
    http.status = 500
    return http.url


def silent(request):
    """A server that never answers."""
    server = socket.create_server((HOST, 0))
    request.addfinalizer(server.close)
    return f"http://{HOST}:{server.getsockname()[1]}"


def refusing_mail(request):
    mail = request.getfixturevalue("mail")
    mail.answer = "554 No"
    return mail.port


FAULTS = {
    "slack refuses": (lambda request: slack(refusing(request)), "Status Code: 500"),
    "slack is down": (lambda request: slack(nobody(request)), "refused"),
    "slack is silent": (lambda request: slack(silent(request)), "AirflowTaskTimeout"),
    "sns refuses": (lambda request: sns(refusing(request)), "when calling the Publish operation"),
    "sns is down": (lambda request: sns(nobody(request)), "Could not connect"),
    "mail is refused": (lambda request: smtp(refusing_mail(request)), "554"),
    "mail is down": (lambda _: smtp(free_port()), "refused"),
    "there is no topic": (lambda _: {"conn_type": "aws"}, "topic_arn"),
    "there is no recipient": (lambda _: {"conn_type": "smtp"}, "'to'"),
    "there is no notifier": (lambda _: {"conn_type": "ftp"}, "ftp"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong_is_a_sentence_in_the_log_and_no_more(connect, request, monkeypatch, caplog, fault):
    connection, reason = FAULTS[fault]
    monkeypatch.setattr(alerts, "SECONDS", 2)
    connect(connection(request))

    with caplog.at_level(logging.ERROR, alerts.log.name):
        task_failed(context())

    (message,) = [record.getMessage() for record in caplog.records if record.name == alerts.log.name]
    assert message.startswith("No alert was sent (")
    assert message.endswith("): see Alerts in docs/runbook.md")
    assert reason in message


def test_an_alert_that_cannot_be_made_is_no_error_either(connect, http, caplog):
    connect(slack(http.url))

    task_failed({})

    assert "No alert was sent (KeyError: 'ti')" in caplog.text
    assert http.bodies == []


def test_without_the_connection_nothing_is_sent_nor_said(monkeypatch, caplog):
    monkeypatch.delenv("AIRFLOW_CONN_LAKEHOUSE_ALERTS", raising=False)

    task_failed({})  # which cannot be made an alert of

    assert caplog.text == ""


def test_the_connections_of_the_runbook_have_what_the_notifiers_need():
    runbook = (REPOSITORY / "docs" / "runbook.md").read_text().replace("\\\n", " ")
    commands = [shlex.split(line)[1:] for line in re.findall("^airflow connections add .*", runbook, re.MULTILINE)]
    connections = [get_parser().parse_args(command) for command in commands]

    assert {connection.conn_id for connection in connections} == {alerts.CONNECTION}
    assert {connection.conn_type for connection in connections} == set(NOTIFIERS)
    for connection in connections:
        extra = json.loads(connection.conn_extra or "{}")
        assert NOTIFIERS[connection.conn_type](extra, Alert("Title", ["Sentence"], REPORT))
