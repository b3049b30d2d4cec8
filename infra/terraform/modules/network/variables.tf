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

variable "zones" {
  description = "Letters of two availability zones of the region."
  type        = list(string)
}

variable "cidr" {
  description = "Addresses of the VPC; needs room for three subnets of a sixteenth each."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the flow logs."
  type        = string
}

variable "log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
}
