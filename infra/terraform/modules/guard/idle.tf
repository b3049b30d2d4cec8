# Hosts that nobody uses are stopped, and started before the monthly run. An alarm acts when it changes to ALARM, so a
# host that is started by hand stops again after the same time of idleness.

resource "aws_cloudwatch_metric_alarm" "idle" {
  for_each            = var.idle
  alarm_name          = "${var.name}-idle-${each.key}"
  alarm_description   = "The host had nothing to do for ${each.value.minutes} minutes and is stopped: docs/aws.md#alarms"
  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  dimensions          = { InstanceId = var.instances[each.key] }
  statistic           = "Average"
  comparison_operator = "LessThanThreshold"
  threshold           = each.value.cpu_percent
  period              = 300
  evaluation_periods  = each.value.minutes / 5
  treat_missing_data  = "notBreaching" # it is stopped, or has just been started
  actions_enabled     = !var.always_on
  alarm_actions       = ["arn:aws:automate:${var.region}:ec2:stop", aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "idle_workers" {
  alarm_name          = "${var.name}-idle-workers"
  alarm_description   = "The workers had nothing to do for ${var.idle.spark.minutes} minutes and are ended: docs/aws.md#alarms"
  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  dimensions          = { AutoScalingGroupName = var.workers.name }
  statistic           = "Average"
  comparison_operator = "LessThanThreshold"
  threshold           = var.idle.spark.cpu_percent
  period              = 300
  evaluation_periods  = var.idle.spark.minutes / 5
  treat_missing_data  = "notBreaching"
  actions_enabled     = !var.always_on
  alarm_actions       = [aws_autoscaling_policy.no_workers.arn, aws_sns_topic.alerts.arn]
}

resource "aws_autoscaling_policy" "no_workers" {
  name                   = "no-workers"
  autoscaling_group_name = var.workers.name
  policy_type            = "SimpleScaling"
  adjustment_type        = "ExactCapacity"
  scaling_adjustment     = 0
}

resource "aws_scheduler_schedule_group" "start" {
  name = "${var.name}-start"
}

resource "aws_iam_role" "start" {
  name = "${var.name}-start"
  assume_role_policy = templatefile("${path.root}/policies/assume.json.tftpl", {
    service = "scheduler.amazonaws.com"
    account = var.account
  })
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.start.id
  policy = templatefile("${path.root}/policies/start-hosts.json.tftpl", {
    region           = var.region
    account          = var.account
    airflow_instance = var.instances.airflow
    spark_instance   = var.instances.spark
    workers_arn      = var.workers.arn
  })
}

resource "aws_scheduler_schedule" "instances" {
  #checkov:skip=CKV_AWS_297:a schedule holds names, no secrets
  name                = "${var.name}-instances"
  description         = "Starts Airflow and Spark before the monthly run"
  group_name          = aws_scheduler_schedule_group.start.name
  schedule_expression = var.start_schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:aws:scheduler:::aws-sdk:ec2:startInstances"
    role_arn = aws_iam_role.start.arn
    input    = jsonencode({ InstanceIds = [var.instances.airflow, var.instances.spark] })
  }
}

resource "aws_scheduler_schedule" "workers" {
  #checkov:skip=CKV_AWS_297:a schedule holds names, no secrets
  name                = "${var.name}-workers"
  description         = "Starts the workers before the monthly run"
  group_name          = aws_scheduler_schedule_group.start.name
  schedule_expression = var.start_schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:aws:scheduler:::aws-sdk:autoscaling:setDesiredCapacity"
    role_arn = aws_iam_role.start.arn
    input    = jsonencode({ AutoScalingGroupName = var.workers.name, DesiredCapacity = var.worker_count })
  }
}

resource "aws_cloudwatch_metric_alarm" "missed_start" {
  alarm_name          = "${var.name}-missed-start"
  alarm_description   = "The schedule could not start the hosts: docs/aws.md#alarms"
  namespace           = "AWS/Scheduler"
  metric_name         = "TargetErrorCount"
  dimensions          = { ScheduleGroup = aws_scheduler_schedule_group.start.name }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
}
