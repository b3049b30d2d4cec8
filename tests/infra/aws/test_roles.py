"""What the roles of the hosts may do, and that the SDKs act by them and by nothing else."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.infra.aws.account import CODE, LAKE, PARAMETERS, ROLES, SITE, TOPIC

pytestmark = pytest.mark.integration

METADATA, DATA = "warehouse/ops.db/t/metadata/0.json", "warehouse/ops.db/t/data/0.parquet"
ALL, NOBODY = set(ROLES), set[str]()
Request = Callable[[Callable[[str], Any]], Any]


def s3(action: str, bucket: str, key: str | None = None, **more: Any) -> Request:
    return lambda aws: getattr(aws("s3"), action)(Bucket=bucket, **({"Key": key} if key else {}), **more)


def glue(action: str, **asked: Any) -> Request:
    return lambda aws: getattr(aws("glue"), action)(**asked)


def parameter(name: str, *, written: bool = False) -> Request:
    name = f"{PARAMETERS}/{name}"
    if written:
        return lambda aws: aws("ssm").put_parameter(Name=name, Value="new", Type="String", Overwrite=True)
    return lambda aws: aws("ssm").get_parameter(Name=name, WithDecryption=True)


REQUESTS: dict[str, tuple[Request, set[str]]] = {
    "read the landing area": (s3("get_object", LAKE, "landing/a"), ALL),
    "read data files": (s3("get_object", LAKE, DATA), ALL),
    "write data files": (s3("put_object", LAKE, DATA, Body=b""), ALL),
    "write metadata files": (s3("put_object", LAKE, METADATA, Body=b""), ALL),
    "delete metadata files": (s3("delete_object", LAKE, METADATA), {"airflow", "spark"}),
    "delete metadata files together": (
        s3("delete_objects", LAKE, Delete={"Objects": [{"Key": METADATA}]}),
        {"airflow", "spark"},
    ),
    "list the lake": (s3("list_objects_v2", LAKE), {"airflow", "spark"}),
    "land": (s3("put_object", LAKE, "landing/b", Body=b"", IfNoneMatch="*"), {"airflow"}),
    "write quality reports": (s3("put_object", LAKE, "quality/a", Body=b""), {"airflow"}),
    "write task logs": (s3("put_object", LAKE, "logs/airflow/a", Body=b""), {"airflow"}),
    "write elsewhere in the lake": (s3("put_object", LAKE, "a", Body=b""), NOBODY),
    "delete what was landed": (s3("delete_object", LAKE, "landing/a"), {"airflow", "spark"}),
    "delete quality reports": (s3("delete_object", LAKE, "quality/a"), {"airflow"}),
    "delete task logs": (s3("delete_object", LAKE, "logs/airflow/a"), NOBODY),
    "delete a version": (s3("delete_object", LAKE, DATA, VersionId="1"), NOBODY),
    "stop versioning": (
        s3("put_bucket_versioning", LAKE, VersioningConfiguration={"Status": "Suspended"}),
        NOBODY,
    ),
    "write the policy of the lake": (s3("put_bucket_policy", LAKE, Policy="{}"), NOBODY),
    "delete the lake": (s3("delete_bucket", LAKE), NOBODY),
    "publish": (s3("put_object", SITE, "data/a.csv", Body=b""), {"airflow"}),
    "make an object of the site public": (s3("put_object_acl", SITE, "index.html", ACL="public-read"), NOBODY),
    "delete the page": (s3("delete_object", SITE, "index.html"), NOBODY),
    "delete the site": (s3("delete_bucket", SITE), NOBODY),
    "read code": (s3("get_object", CODE, "code/1.0.0.tar.gz"), ALL),
    "write code": (s3("put_object", CODE, "code/1.0.0.tar.gz", Body=b""), NOBODY),
    "delete code": (s3("delete_object", CODE, "code/1.0.0.tar.gz"), NOBODY),
    "read a table's entry": (glue("get_tables", DatabaseName="silver"), {"airflow", "spark"}),
    "make a database of the lake": (glue("create_database", DatabaseInput={"Name": "marts"}), {"airflow", "spark"}),
    "make another database": (glue("create_database", DatabaseInput={"Name": "other"}), NOBODY),
    "commit": (
        glue("update_table", DatabaseName="silver", TableInput={"Name": "t", "Parameters": {}}),
        {"airflow", "spark"},
    ),
    "drop a table": (glue("delete_table", DatabaseName="silver", Name="t"), NOBODY),
    "drop a database": (glue("delete_database", Name="silver"), NOBODY),
    "read the secret of RPC": (parameter("spark/rpc-secret"), {"spark", "worker"}),
    "read the token of Spark Connect": (parameter("airflow/connections/spark_default"), {"airflow", "spark"}),
    "read the connection to AWS": (parameter("airflow/connections/aws_default"), {"airflow"}),
    "read settings": (parameter("airflow/variables/lakehouse_lake_bucket"), {"airflow"}),
    "read the version of the code": (parameter("code-version"), ALL),
    "change the version of the code": (parameter("code-version", written=True), NOBODY),
    "read the certificate": (parameter("spark/certificate"), {"airflow", "spark"}),
    "publish a certificate": (parameter("spark/certificate", written=True), {"spark"}),
    "change the token": (parameter("airflow/connections/spark_default", written=True), NOBODY),
    "send an alert": (lambda aws: aws("sns").publish(TopicArn=TOPIC, Message="a"), {"airflow"}),
    "list users": (lambda aws: aws("iam").list_users(), NOBODY),
}


@pytest.fixture(scope="module")
def things(account):
    """What the requests are about."""
    for key in ("landing/a", DATA, METADATA):
        account.s3.put_object(Bucket=LAKE, Key=key, Body=b"")
    account.s3.put_object(Bucket=SITE, Key="index.html", Body=b"")
    account.client("sns").create_topic(Name=TOPIC.rsplit(":", 1)[1])
    owner = account.client("glue")
    if "silver" not in {each["Name"] for each in owner.get_databases()["DatabaseList"]}:
        owner.create_database(DatabaseInput={"Name": "silver"})
    owner.create_table(DatabaseName="silver", TableInput={"Name": "t"})
    account.client("ssm").put_parameter(
        Name=f"{PARAMETERS}/spark/certificate", Value="certificate", Type="String", Overwrite=True
    )
    yield
    owner.delete_table(DatabaseName="silver", Name="t")


def is_refused(request: Request, aws: Callable[[str], Any]) -> bool:
    """Whether a request is refused; another answer than the expected one, say that a thing is there, is an answer."""
    try:
        answer = request(aws)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return any(error["Code"] == "AccessDenied" for error in answer.get("Errors", []))


@pytest.mark.parametrize("name", REQUESTS)
def test_only_these_roles_may(name, account, roles, things):
    request, may = REQUESTS[name]
    clients = {role: partial(account.client, keys=keys) for role, keys in roles.items()}

    assert {role for role, client in clients.items() if not is_refused(request, client)} == may


def test_a_stolen_key_without_its_session_is_refused(account, roles):
    stolen = {"AccessKeyId": roles["airflow"]["AccessKeyId"], "SecretAccessKey": "guessed"}

    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        account.client("s3", stolen).list_objects_v2(Bucket=LAKE)


def identity() -> str:
    import boto3

    return boto3.client("sts").get_caller_identity()["Arn"]


def by_pyarrow(location: str) -> str:
    from tests.infra.aws.test_catalog import catalog

    io = catalog().load_table("ops.releases").io
    try:
        with io.new_output(location).create(overwrite=True) as file:
            file.write(b"")
    except OSError as error:
        return str(error)
    return "written"


def by_spark(location: str) -> str:
    from tests.infra.aws.test_catalog import spark

    try:
        spark().sql(f"CREATE TABLE lake.ops.elsewhere (n int) USING iceberg LOCATION '{location}'")
    except Exception as error:
        return str(error)
    return "written"


def test_boto3_pyarrow_and_spark_act_by_the_role_of_their_host(on_airflow_host, account):
    on_airflow_host(releases_made)

    assert "assumed-role/lakehouse-test-airflow" in on_airflow_host(identity)
    assert on_airflow_host(by_pyarrow, f"s3://{SITE}/by-airflow") == "written"
    assert "ACCESS_DENIED" in on_airflow_host(by_pyarrow, f"s3://{CODE}/by-airflow")
    assert "Access Denied" in on_airflow_host(by_spark, f"s3://{SITE}/by-spark")


def releases_made() -> None:
    from lakehouse.contracts import follow_contracts
    from tests.infra.aws.test_catalog import catalog, spark

    follow_contracts(spark(), catalog(), ["ops.releases"])


def test_no_file_of_a_host_has_a_key(on_airflow_host, folder, roles):
    texts = {path: path.read_text() for path in folder.glob("*/etc/**/*") if path.is_file()}
    keys = [roles[role][part] for role in ROLES for part in ("AccessKeyId", "SecretAccessKey", "SessionToken")]

    assert len(texts) > 10
    assert [
        path for path, text in texts.items() if any(key in text for key in keys) or "secret-access-key" in text
    ] == []
