resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_18:flow logs and CloudTrail tell who came; access logs of a table format are larger than the lake
  #checkov:skip=CKV_AWS_144:versions keep it from mistakes; a copy in a second region would double its cost
  #checkov:skip=CKV2_AWS_62:nothing waits for its events
  bucket = "${var.bucket_prefix}-lake"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id
  rule {
    bucket_key_enabled = true # one call to KMS a bucket and hour instead of one an object
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.lakehouse.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id
  versioning_configuration {
    status = "Enabled"
  }
}

# Tables are not touched here: Iceberg alone knows which of their files are needed. What it deletes stays for a while
# as a version, and that is the way back from a mistake.
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_versioning.lake]

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
    expiration {
      expired_object_delete_marker = true
    }
  }

  rule {
    id     = "landing-becomes-an-archive"
    status = "Enabled"
    filter {
      prefix = "landing/"
    }
    transition {
      days          = 60
      storage_class = "STANDARD_IA"
    }
  }

  rule {
    id     = "old-quality-reports"
    status = "Enabled"
    filter {
      prefix = "quality/"
    }
    expiration {
      days = var.quality_days
    }
  }

  rule {
    id     = "old-task-logs"
    status = "Enabled"
    filter {
      prefix = "logs/"
    }
    expiration {
      days = var.log_retention_days
    }
  }
}

resource "aws_s3_bucket_policy" "lake" {
  bucket = aws_s3_bucket.lake.id
  policy = templatefile("${path.root}/policies/lake-bucket.json.tftpl", {
    lake_bucket = aws_s3_bucket.lake.id
    account     = var.account
    name        = var.name
  })
  depends_on = [aws_s3_bucket_public_access_block.lake]
}
