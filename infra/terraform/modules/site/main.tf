# The public page, in a bucket of its own: whatever its policy says, it says nothing about the lake.
resource "aws_s3_bucket" "site" {
  #checkov:skip=CKV_AWS_18:the page is public, and nobody is to be watched reading it
  #checkov:skip=CKV_AWS_144:every release can be published again
  #checkov:skip=CKV_AWS_145:anonymous readers have no KMS key; SSE-S3 encrypts
  #checkov:skip=CKV2_AWS_6:the public access block below shuts it wholly when CloudFront reads it
  #checkov:skip=CKV2_AWS_62:nothing waits for its events
  bucket        = "${var.bucket_prefix}-site"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "site" {
  #checkov:skip=CKV_AWS_54:a policy lets everybody read, unless CloudFront does it
  #checkov:skip=CKV_AWS_56:a policy lets everybody read, unless CloudFront does it
  bucket                  = aws_s3_bucket.site.id
  block_public_acls       = true
  block_public_policy     = var.through_cloudfront
  ignore_public_acls      = true
  restrict_public_buckets = var.through_cloudfront
}

resource "aws_s3_bucket_ownership_controls" "site" {
  bucket = aws_s3_bucket.site.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "site" {
  bucket = aws_s3_bucket.site.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "site" {
  bucket     = aws_s3_bucket.site.id
  depends_on = [aws_s3_bucket_versioning.site]

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

resource "aws_s3_bucket_website_configuration" "site" {
  count  = var.through_cloudfront ? 0 : 1
  bucket = aws_s3_bucket.site.id
  index_document {
    suffix = "index.html"
  }
}

# Website hosting speaks plain HTTP only, so TLS is asked for with CloudFront.
resource "aws_s3_bucket_policy" "site" {
  bucket = aws_s3_bucket.site.id
  policy = var.through_cloudfront ? templatefile("${path.root}/policies/site-bucket-cloudfront.json.tftpl", {
    site_bucket      = aws_s3_bucket.site.id
    distribution_arn = aws_cloudfront_distribution.site[0].arn
  }) : templatefile("${path.root}/policies/site-bucket.json.tftpl", { site_bucket = aws_s3_bucket.site.id })
  depends_on = [aws_s3_bucket_public_access_block.site]
}
