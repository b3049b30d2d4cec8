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

variable "code_bucket" {
  description = "Bucket of the archives of the code."
  type        = string
}

variable "site_bucket" {
  description = "Bucket of the public page."
  type        = string
}

variable "key_arn" {
  description = "KMS key of the lake and of the secrets."
  type        = string
}

variable "alerts_topic_arn" {
  description = "Where alerts go."
  type        = string
}

variable "site_url" {
  description = "Address of the site."
  type        = string
}

variable "subnet" {
  description = "Private subnet of the instance."
  type        = string
}

variable "zone" {
  description = "Availability zone of the subnet, which is that of the data volume too."
  type        = string
}

variable "security_group" {
  description = "Security group of the instance."
  type        = string
}

variable "dns_zone" {
  description = "Id and name of the private DNS zone."
  type        = map(string)
}

variable "airflow_type" {
  description = "Instance type."
  type        = string
}

variable "data_gb" {
  description = "Size of the volume with Airflow's database, logs and downloaded datasets."
  type        = number
}

variable "snapshot_days" {
  description = "How many daily snapshots of the data volume are kept."
  type        = number
}

variable "secrets_version" {
  description = "A higher number makes new secrets."
  type        = number
}
