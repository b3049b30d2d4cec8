output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.site.id
}

output "url" {
  description = "Address of the page."
  value = (
    var.through_cloudfront
    ? "https://${aws_cloudfront_distribution.site[0].domain_name}"
    : "http://${aws_s3_bucket_website_configuration.site[0].website_endpoint}"
  )
}
