"""moto's server as an AWS account, closer to AWS where our code or our policies depend on it.

Run by the Python that has moto, with the arguments of ``moto_server``. By itself moto lets the later of two writers of
a Glue table win, and judges requests to Glue, Systems Manager and SNS, and those that delete several objects, without
looking at what they are about.
"""

import re
from functools import cache
from threading import Lock
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import BaseResponse
from moto.glue.responses import GlueResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.responses import S3Response
from moto.server import main
from moto.sns.responses import SNSResponse
from moto.ssm.responses import SimpleSystemManagerResponse

one_at_a_time = Lock()
update_table = GlueResponse.update_table
authorize = BaseResponse._authenticate_and_authorize_normal_action
authorize_s3 = S3Response._authenticate_and_authorize_s3_action


def update_table_of_version(self: GlueResponse) -> Any:
    """Refuse an UpdateTable that was decided on another version than the table has."""
    with one_at_a_time:
        table = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableInput"]["Name"])
        decided_on = self.parameters.get("VersionId")
        if decided_on and decided_on != table.as_dict()["VersionId"]:
            raise JsonRESTError(
                "ConcurrentModificationException", "Update table failed due to concurrent modifications."
            )
        return update_table(self)


def arn(response: BaseResponse, service: str, name: str) -> str:
    return f"arn:aws:{service}:{response.region}:{response.current_account}:{name}"


def authorize_glue(self: GlueResponse, resource: str = "*") -> None:
    """Glue wants a permission on the catalog, on the database and on the table."""
    asked, action = self.parameters, self._get_action()
    database = asked.get("DatabaseName") or asked.get("DatabaseInput", asked).get("Name")
    names = ["catalog", *([f"database/{database}"] if database else [])]
    if "Table" in action:
        names.append(f"table/{database}/{asked.get('TableInput', asked).get('Name', '*')}")
    for name in names:
        authorize(self, arn(self, "glue", name))


def authorize_s3_action(self: S3Response, bucket_name: str | None = None, key_name: str | None = None) -> None:
    if "Authorization" not in self.headers:  # a stranger; who may read an object was judged by the bucket's policy
        if key_name is None or self.method not in ("GET", "HEAD"):
            raise S3AccessDeniedError
        return
    deleted = re.findall(rb"<Key>(.+?)</Key>", self.body) if self.data.get("Action") == "DeleteObject" else []
    for key in [each.decode() for each in deleted] or [key_name]:
        authorize_s3(self, bucket_name, key)


# Half of the time of a request went into asking the file system for moto's list of services.
DomainDispatcherApplication.get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)
GlueResponse.update_table = update_table_of_version
GlueResponse._authenticate_and_authorize_normal_action = authorize_glue
S3Response._authenticate_and_authorize_s3_action = authorize_s3_action
SimpleSystemManagerResponse._determine_resource = lambda self: arn(self, "ssm", f"parameter{self._get_param('Name')}")
SNSResponse._determine_resource = lambda self: self._get_param("TopicArn") or "*"

if __name__ == "__main__":
    main()
