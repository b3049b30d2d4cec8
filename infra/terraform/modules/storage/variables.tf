variable "name" {
  description = "Prefix of all names: <project>-<environment>."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "account" {
  description = "Number of the AWS account."
  type        = string
}

variable "bucket_prefix" {
  description = "Prefix of the buckets' names."
  type        = string
}

variable "parameters" {
  description = "Prefix of the parameters in Systems Manager."
  type        = string
}

variable "code_version" {
  description = "The archive that hosts install."
  type        = string
}

variable "noncurrent_days" {
  description = "How long overwritten and deleted objects can be brought back."
  type        = number
}

variable "quality_days" {
  description = "How long quality reports are kept."
  type        = number
}

variable "log_retention_days" {
  description = "How long Airflow's task logs are kept."
  type        = number
}
