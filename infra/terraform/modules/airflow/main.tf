data "aws_default_tags" "current" {}

module "airflow" {
  source      = "../host"
  name        = var.name
  settings    = merge(var.settings, { role = "airflow", spark = {} })
  code_bucket = var.code_bucket
  data_volume = aws_ebs_volume.data.id
  policy = templatefile("${path.root}/policies/airflow.json.tftpl", {
    account          = var.account
    region           = var.settings.region
    lake_bucket      = var.settings.lake_bucket
    site_bucket      = var.site_bucket
    parameters       = var.settings.parameters
    code_bucket      = var.code_bucket
    key_arn          = var.key_arn
    alerts_topic_arn = var.alerts_topic_arn
  })
}

resource "aws_instance" "airflow" {
  #checkov:skip=CKV_AWS_126:idleness is measured over hours, so metrics of five minutes do
  ami                         = module.airflow.ami
  instance_type               = var.airflow_type
  subnet_id                   = var.subnet
  vpc_security_group_ids      = [var.security_group]
  iam_instance_profile        = module.airflow.instance_profile
  user_data                   = module.airflow.user_data
  associate_public_ip_address = false
  ebs_optimized               = true
  tags                        = { Name = "${var.name}-airflow" }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
    volume_size = 20
    tags        = data.aws_default_tags.current.tags
  }

  lifecycle {
    ignore_changes = [ami, user_data] # they come when a person replaces the host, not when an apply sees a new image
  }
}

resource "aws_route53_record" "airflow" {
  zone_id = var.dns_zone.id
  name    = "airflow.${var.dns_zone.name}"
  type    = "A"
  ttl     = 60
  records = [aws_instance.airflow.private_ip]
}
