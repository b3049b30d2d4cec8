output "lake_bucket" {
  description = "Name of the bucket of the lake."
  value       = aws_s3_bucket.lake.id
}

output "code_bucket" {
  description = "Name of the bucket of the code."
  value       = aws_s3_bucket.code.id
}

output "key_arn" {
  description = "ARN of the KMS key."
  value       = aws_kms_key.lakehouse.arn
}
