# One key for the lake, its secrets, logs and alerts: who may use it for what is decided in the policies of the roles,
# by the service it is used through and by the parameter it decrypts.
resource "aws_kms_key" "lakehouse" {
  description             = "Lake, secrets, logs and alerts of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = templatefile("${path.root}/policies/key.json.tftpl", {
    name    = var.name
    region  = var.region
    account = var.account
  })

  lifecycle {
    prevent_destroy = true # without it nobody reads the lake again
  }
}

resource "aws_kms_alias" "lakehouse" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.lakehouse.key_id
}
