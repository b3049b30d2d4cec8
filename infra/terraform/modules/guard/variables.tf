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

variable "key_arn" {
  description = "KMS key of the alerts."
  type        = string
}

variable "alert_email" {
  description = "Who is told of alarms and of the budget."
  type        = string
}

variable "budget_usd" {
  description = "What the account may cost a month."
  type        = number
}

variable "instances" {
  description = "Ids of the instances airflow and spark."
  type        = map(string)
}

variable "workers" {
  description = "Name and ARN of the workers' auto scaling group."
  type        = map(string)
}

variable "worker_count" {
  description = "Workers during a run."
  type        = number
}

variable "data_volume" {
  description = "Id of Airflow's data volume."
  type        = string
}

variable "lake_bucket" {
  description = "Bucket of the lake."
  type        = string
}

variable "lake_gb" {
  description = "The size of the lake from which on there is an alarm."
  type        = number
}

variable "nat_gateway" {
  description = "Id of the NAT gateway."
  type        = string
}

variable "always_on" {
  description = "Whether idle hosts stay on."
  type        = bool
}

variable "start_schedule" {
  description = "When hosts are started, in UTC."
  type        = string
}

variable "idle" {
  description = "For how many minutes below how many percent of its CPU a host of Airflow or Spark is stopped."
  type        = map(object({ cpu_percent = number, minutes = number }))
}
