variable "name" {
  description = "Prefix of all names: <project>-<environment>."
  type        = string
}

variable "settings" {
  description = "The file /etc/lakehouse/settings.json of the host, without secrets."
  type = object({
    role        = string
    spark_host  = string
    region      = string
    lake_bucket = string
    parameters  = string
    catalog     = map(string)
    spark       = map(string)
  })
}

variable "policy" {
  description = "What the host may do, as JSON."
  type        = string
}

variable "code_bucket" {
  description = "Bucket of the archives of the code."
  type        = string
}

variable "data_volume" {
  description = "Id of the volume to mount at /var/lib/lakehouse; empty for a host that keeps nothing."
  type        = string
  default     = ""
}
