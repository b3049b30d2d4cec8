# Archives of this repository, code/<version>.tar.gz, which people put here and hosts install.
resource "aws_s3_bucket" "code" {
  #checkov:skip=CKV_AWS_18:a host reads an archive when it is installed and at no other time
  #checkov:skip=CKV_AWS_144:the repository is the copy
  #checkov:skip=CKV2_AWS_62:nothing waits for its events
  bucket        = "${var.bucket_prefix}-code"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "code" {
  bucket                  = aws_s3_bucket.code.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "code" {
  bucket = aws_s3_bucket.code.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "code" {
  bucket = aws_s3_bucket.code.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.lakehouse.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "code" {
  bucket = aws_s3_bucket.code.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "code" {
  bucket     = aws_s3_bucket.code.id
  depends_on = [aws_s3_bucket_versioning.code]

  rule {
    id     = "what-is-left-over"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }
  }
}

resource "aws_s3_bucket_policy" "code" {
  bucket = aws_s3_bucket.code.id
  policy = templatefile("${path.root}/policies/code-bucket.json.tftpl", {
    code_bucket = aws_s3_bucket.code.id
    account     = var.account
    name        = var.name
  })
  depends_on = [aws_s3_bucket_public_access_block.code]
}

resource "aws_ssm_parameter" "code_version" {
  #checkov:skip=CKV2_AWS_34:the name of a version is no secret
  name        = "${var.parameters}/code-version"
  description = "The archive that lakehouse-install installs"
  type        = "String"
  value       = var.code_version
}
