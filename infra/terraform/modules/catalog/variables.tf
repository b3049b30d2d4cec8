variable "lake_bucket" {
  description = "Bucket of the tables."
  type        = string
}
