# What every host has: Debian's latest image, a role, and a first boot that installs the code.

data "aws_ami" "debian" {
  most_recent = true
  owners      = ["136693071363"] # Debian
  filter {
    name   = "name"
    values = ["debian-12-amd64-*"]
  }
  filter {
    name   = "virtualization-type"
    values = ["hvm"]
  }
}

resource "aws_iam_role" "host" {
  name               = "${var.name}-${var.settings.role}"
  assume_role_policy = file("${path.root}/policies/assume-ec2.json.tftpl")
}

resource "aws_iam_role_policy" "host" {
  name   = var.settings.role
  role   = aws_iam_role.host.id
  policy = var.policy
}

# Amazon's managed policy for Session Manager would let every host read every parameter of the account.
resource "aws_iam_role_policy" "session_manager" {
  name   = "session-manager"
  role   = aws_iam_role.host.id
  policy = file("${path.root}/policies/session-manager.json.tftpl")
}

resource "aws_iam_instance_profile" "host" {
  name = aws_iam_role.host.name
  role = aws_iam_role.host.name
}

# A JSON string is a YAML string, so jsonencode quotes each file for cloud-init.
locals {
  user_data = templatefile("${path.module}/cloud-init.yaml.tftpl", {
    settings    = jsonencode(jsonencode(var.settings))
    install     = jsonencode(file("${path.module}/lakehouse-install"))
    code_bucket = var.code_bucket
    data_volume = var.data_volume
    parameters  = var.settings.parameters
    region      = var.settings.region
  })
}
