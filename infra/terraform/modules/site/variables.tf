variable "name" {
  description = "Prefix of all names: <project>-<environment>."
  type        = string
}

variable "bucket_prefix" {
  description = "Prefix of the bucket's name."
  type        = string
}

variable "through_cloudfront" {
  description = "Whether CloudFront alone reads the bucket."
  type        = bool
}

variable "noncurrent_days" {
  description = "How long overwritten and deleted objects can be brought back."
  type        = number
}
