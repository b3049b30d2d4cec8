"""Connections and variables of Airflow out of Systems Manager, by the role of its host."""

import pytest

from tests.infra.aws.account import LAKE, REGION, SPARK_TOKEN

pytestmark = pytest.mark.integration


def settings_read() -> dict[str, str]:
    from lakehouse.defaults import setting

    return {name: setting(name, "not set") for name in ("lake_bucket", "code_version", "site_acl")}


def test_settings_come_from_parameters_and_what_is_not_set_has_its_default(on_airflow_host):
    assert on_airflow_host(settings_read) == {"lake_bucket": LAKE, "code_version": "1.0.0", "site_acl": "not set"}


def spark_connect_url() -> str:
    from airflow.providers.apache.spark.hooks.spark_connect import SparkConnectHook

    return SparkConnectHook("spark_default").get_connection_url()


def test_spark_is_connected_to_by_tls_and_token(on_airflow_host):
    url = on_airflow_host(spark_connect_url)

    assert url == f"sc://spark.lakehouse.internal:15003/;token={SPARK_TOKEN};use_ssl=True"


def aws_connection() -> dict[str, object]:
    from airflow.sdk import Connection

    aws = Connection.get("aws_default")
    return {"login": aws.login, "password": aws.password, "extra": aws.extra_dejson}


def test_the_connection_to_aws_has_a_region_and_no_key(on_airflow_host):
    assert on_airflow_host(aws_connection) == {"login": None, "password": None, "extra": {"region_name": REGION}}
