# Who is told. The subscription has to be confirmed by the link in Amazon's first e-mail.
resource "aws_sns_topic" "alerts" {
  name              = "${var.name}-alerts"
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_subscription" "email" {
  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

# Of the whole account: a filter by tag works only after a person has activated the tag for billing.
resource "aws_budgets_budget" "monthly" {
  name         = "${var.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget_usd)
  limit_unit   = "USD"

  notification {
    notification_type          = "ACTUAL"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = [var.alert_email]
  }

  notification {
    notification_type          = "FORECASTED"
    comparison_operator        = "GREATER_THAN"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = [var.alert_email]
  }
}

resource "aws_cloudwatch_metric_alarm" "status" {
  for_each            = var.instances
  alarm_name          = "${var.name}-status-${each.key}"
  alarm_description   = "The host fails a check of EC2: docs/aws.md#alarms"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed"
  dimensions          = { InstanceId = each.value }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 10
  treat_missing_data  = "notBreaching" # it is stopped
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "data_volume" {
  alarm_name          = "${var.name}-data-volume"
  alarm_description   = "The data volume of Airflow does not answer: docs/aws.md#alarms"
  namespace           = "AWS/EBS"
  metric_name         = "VolumeStalledIOCheck"
  dimensions          = { VolumeId = var.data_volume }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 10
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

# S3 counts once a day.
resource "aws_cloudwatch_metric_alarm" "lake_size" {
  alarm_name          = "${var.name}-lake-size"
  alarm_description   = "The lake is larger than it should be: docs/aws.md#alarms"
  namespace           = "AWS/S3"
  metric_name         = "BucketSizeBytes"
  dimensions          = { BucketName = var.lake_bucket, StorageType = "StandardStorage" }
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.lake_gb * 1000000000
  period              = 86400
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}

# Packages and datasets come in; nothing but requests goes out, for the lake's bytes take the S3 endpoint.
resource "aws_cloudwatch_metric_alarm" "outbound" {
  alarm_name          = "${var.name}-outbound"
  alarm_description   = "Hosts send more than 1 GB an hour to the internet: docs/aws.md#alarms"
  namespace           = "AWS/NATGateway"
  metric_name         = "BytesOutToDestination"
  dimensions          = { NatGatewayId = var.nat_gateway }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 1000000000
  period              = 3600
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}
