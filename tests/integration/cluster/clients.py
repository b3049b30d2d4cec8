"""Programs that run on a host of the cluster and print what became of them."""

SPARK_CONNECT = """
import sys
from pyspark.sql.connect.client import SparkConnectClient

client = SparkConnectClient(sys.argv[1])
client._retry_policies = []  # the first answer is the answer
try:
    print("answered", client.get_configs("spark.app.name")[0])
except Exception as error:
    print(type(error).__name__, error)
"""
"""Ask Spark Connect for a setting, at the URL that is the argument."""

DIGESTS = """
import json, sys
from lakehouse.serving import load_release
from tests.fixtures.digests import digest

release = load_release(sys.argv[1])
print(json.dumps({name: digest(release.read(name)) for name in release.tables if name.startswith("gold.")}))
"""
"""The digest of each gold table of the release that is the argument."""

FURTHER_WORKER = r"""
folder=$(mktemp -d) && cd "$folder"
sed 's/^rootLogger.level = .*/rootLogger.level = info/' "$SPARK_CONF_DIR/log4j2.properties" > log4j2.properties
sed "s/^\(spark.authenticate.secret\) .*/\1 $SECRET/" "$SPARK_CONF_DIR/spark-defaults.conf" > spark-defaults.conf
SPARK_CONF_DIR=$folder timeout 15 /opt/lakehouse/.venv/bin/spark-class org.apache.spark.deploy.worker.Worker \
  --host 127.0.0.1 --port 7085 --work-dir "$folder" spark://spark.lakehouse.internal:7077 2>&1
true
"""
"""Start a worker that has all from the host but the secret, which is $SECRET."""
