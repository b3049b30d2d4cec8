variable "name" {
  description = "Prefix of all names: <project>-<environment>."
  type        = string
}

variable "account" {
  description = "Number of the AWS account."
  type        = string
}

variable "settings" {
  description = "What all hosts have in /etc/lakehouse/settings.json."
  type = object({
    spark_host  = string
    region      = string
    lake_bucket = string
    parameters  = string
    catalog     = map(string)
  })
}

variable "spark_settings" {
  description = "Further lines of spark-defaults.conf."
  type        = map(string)
}

variable "code_bucket" {
  description = "Bucket of the archives of the code."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the lake and of the secrets."
  type        = string
}

variable "subnets" {
  description = "Private subnets; the instance is in the first, workers are in all."
  type        = list(string)
}

variable "security_groups" {
  description = "Security groups by role."
  type        = map(string)
}

variable "dns_zone" {
  description = "Id and name of the private DNS zone."
  type        = map(string)
}

variable "spark_type" {
  description = "Instance type of master and Connect server."
  type        = string
}

variable "worker_types" {
  description = "Instance types of workers, of the same memory."
  type        = list(string)
}

variable "worker_count" {
  description = "Workers during a run."
  type        = number
}

variable "spot_workers" {
  description = "Whether workers are spot instances."
  type        = bool
}

variable "secrets_version" {
  description = "A higher number makes new secrets."
  type        = number
}
