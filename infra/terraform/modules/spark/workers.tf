module "worker" {
  source      = "../host"
  name        = var.name
  settings    = merge(var.settings, { role = "worker", spark = var.spark_settings })
  code_bucket = var.code_bucket
  policy      = templatefile("${path.root}/policies/worker.json.tftpl", local.policy_values)
}

resource "aws_launch_template" "worker" {
  name                   = "${var.name}-worker"
  image_id               = module.worker.ami
  user_data              = base64encode(module.worker.user_data)
  ebs_optimized          = true
  update_default_version = true

  iam_instance_profile {
    name = module.worker.instance_profile
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = [var.security_groups.worker]
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted             = true
      volume_type           = "gp3"
      volume_size           = 40 # shuffles, and a few GB of environment and jars
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = data.aws_default_tags.current.tags
  }

  tag_specifications {
    resource_type = "volume"
    tags          = data.aws_default_tags.current.tags
  }
}

resource "aws_autoscaling_group" "worker" {
  name                = "${var.name}-worker"
  min_size            = 0
  max_size            = var.worker_count
  desired_capacity    = var.worker_count
  vpc_zone_identifier = var.subnets

  # A new image or new code makes a new version of the template, which the next workers start from.
  mixed_instances_policy {
    instances_distribution {
      on_demand_percentage_above_base_capacity = var.spot_workers ? 0 : 100
      spot_allocation_strategy                 = "price-capacity-optimized"
    }

    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.worker.id
        version            = "$Latest"
      }

      dynamic "override" {
        for_each = var.worker_types
        content {
          instance_type = override.value
        }
      }
    }
  }

  tag {
    key                 = "Name"
    value               = "${var.name}-worker"
    propagate_at_launch = true
  }

  lifecycle {
    ignore_changes = [desired_capacity] # the schedule and the idle alarm set it
  }
}
