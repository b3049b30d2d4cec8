data "aws_default_tags" "current" {}

module "spark" {
  source      = "../host"
  name        = var.name
  settings    = merge(var.settings, { role = "spark", spark = var.spark_settings })
  code_bucket = var.code_bucket
  policy      = templatefile("${path.root}/policies/spark.json.tftpl", local.policy_values)
}

locals {
  policy_values = {
    account     = var.account
    region      = var.settings.region
    lake_bucket = var.settings.lake_bucket
    parameters  = var.settings.parameters
    code_bucket = var.code_bucket
    key_arn     = var.key_arn
  }
}

# Master, Connect server and the TLS in front of it.
resource "aws_instance" "spark" {
  #checkov:skip=CKV_AWS_126:idleness is measured over an hour, so metrics of five minutes do
  ami                         = module.spark.ami
  instance_type               = var.spark_type
  subnet_id                   = var.subnets[0]
  vpc_security_group_ids      = [var.security_groups.spark]
  iam_instance_profile        = module.spark.instance_profile
  user_data                   = module.spark.user_data
  associate_public_ip_address = false
  ebs_optimized               = true
  tags                        = { Name = "${var.name}-spark" }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 30
    tags        = data.aws_default_tags.current.tags
  }

  lifecycle {
    ignore_changes = [ami, user_data] # they come when a person replaces the host, not when an apply sees a new image
  }
}

resource "aws_route53_record" "spark" {
  zone_id = var.dns_zone.id
  name    = var.settings.spark_host
  type    = "A"
  ttl     = 60
  records = [aws_instance.spark.private_ip]
}

# What master, workers, driver and executors know each other by. Written once for each version and kept out of the state.
ephemeral "random_password" "rpc_secret" {
  length  = 48
  special = false
}

resource "aws_ssm_parameter" "rpc_secret" {
  name             = "${var.settings.parameters}/spark/rpc-secret"
  description      = "Secret of Spark's RPC"
  type             = "SecureString"
  key_id           = var.key_arn
  value_wo         = ephemeral.random_password.rpc_secret.result
  value_wo_version = var.secrets_version
}
