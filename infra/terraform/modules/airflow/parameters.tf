# Airflow's connections and variables, which it reads through its secrets backend. They change with the next task, no
# restart is needed. People set lakehouse_dataset and the limits in Airflow's UI; a parameter would hide what they set.

# The token of Spark Connect. Written once for each version and kept out of the state.
ephemeral "random_password" "token" {
  length  = 48
  special = false
}

resource "aws_ssm_parameter" "spark_default" {
  name        = "${var.settings.parameters}/airflow/connections/spark_default"
  description = "Connection to Spark Connect, with its token"
  type        = "SecureString"
  key_id      = var.key_arn
  value_wo = jsonencode({
    conn_type = "spark_connect"
    host      = var.settings.spark_host
    port      = 15003
    password  = ephemeral.random_password.token.result
    extra     = { use_ssl = true }
  })
  value_wo_version = var.secrets_version
}

resource "aws_ssm_parameter" "aws_default" {
  #checkov:skip=CKV2_AWS_34:there is no secret in it: credentials are those of the instance's role
  name        = "${var.settings.parameters}/airflow/connections/aws_default"
  description = "Connection to AWS by the role of the instance"
  type        = "String"
  value       = jsonencode({ conn_type = "aws", extra = { region_name = var.settings.region } })
}

resource "aws_ssm_parameter" "lakehouse_alerts" {
  #checkov:skip=CKV2_AWS_34:there is no secret in it: credentials are those of the instance's role
  name        = "${var.settings.parameters}/airflow/connections/lakehouse_alerts"
  description = "Connection to the topic of the alerts"
  type        = "String"
  value = jsonencode({
    conn_type = "aws"
    extra     = { region_name = var.settings.region, topic_arn = var.alerts_topic_arn }
  })
}

# There is no lakehouse_site_acl: without one the policy of the site bucket decides.
resource "aws_ssm_parameter" "variable" {
  #checkov:skip=CKV2_AWS_34:names of buckets and folders are no secrets
  for_each = {
    lake_bucket    = var.settings.lake_bucket
    site_bucket    = var.site_bucket
    site_url       = var.site_url
    topic          = "ratings"
    dataset_folder = "/var/lib/lakehouse/datasets"
    jars           = "/var/lib/lakehouse/jars"
  }
  name        = "${var.settings.parameters}/airflow/variables/lakehouse_${each.key}"
  description = "See docs/data-guidelines.md"
  type        = "String"
  value       = each.value
}
