data "aws_cloudfront_cache_policy" "optimized" {
  name = "Managed-CachingOptimized"
}

data "aws_cloudfront_response_headers_policy" "security" {
  name = "Managed-SecurityHeadersPolicy"
}

resource "aws_cloudfront_origin_access_control" "site" {
  count                             = var.through_cloudfront ? 1 : 0
  name                              = "${var.name}-site"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_distribution" "site" {
  #checkov:skip=CKV_AWS_68:a firewall for a static page costs more than the page
  #checkov:skip=CKV2_AWS_47:a firewall for a static page costs more than the page
  #checkov:skip=CKV_AWS_86:the page is public, and nobody is to be watched reading it
  #checkov:skip=CKV_AWS_174:the certificate of cloudfront.net allows no choice of versions; a name of one's own does
  #checkov:skip=CKV2_AWS_42:there is no name of one's own to certify
  #checkov:skip=CKV_AWS_310:the bucket is in one region, and so is its only copy
  #checkov:skip=CKV_AWS_374:everybody may read the page
  count               = var.through_cloudfront ? 1 : 0
  comment             = "Page of ${var.name}"
  enabled             = true
  default_root_object = "index.html"
  price_class         = "PriceClass_100"

  origin {
    origin_id                = "site"
    domain_name              = aws_s3_bucket.site.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.site[0].id
  }

  default_cache_behavior {
    target_origin_id           = "site"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    viewer_protocol_policy     = "redirect-to-https"
    compress                   = true
    cache_policy_id            = data.aws_cloudfront_cache_policy.optimized.id
    response_headers_policy_id = data.aws_cloudfront_response_headers_policy.security.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = true
  }
}
