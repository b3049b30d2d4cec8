# Who and where

variable "alert_email" {
  description = "Who is told of alarms and of the budget."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+[.][^@ ]+$", var.alert_email))
    error_message = "Give one e-mail address."
  }
}

variable "code_version" {
  description = "The archive code/<code_version>.tar.gz that hosts install."
  type        = string

  validation {
    condition     = can(regex("^[0-9A-Za-z._-]+$", var.code_version))
    error_message = "A version has letters, digits, dots, hyphens and underscores."
  }
}

variable "project" {
  description = "First part of all names."
  type        = string
  default     = "lakehouse"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.project))
    error_message = "Names of buckets need 2 to 20 small letters, digits and hyphens, a letter first."
  }
}

variable "environment" {
  description = "Second part of all names."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.environment))
    error_message = "Names of buckets need 2 to 20 small letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "zones" {
  description = "Letters of two availability zones of the region; the first has Airflow's data volume."
  type        = list(string)
  default     = ["a", "b"]

  validation {
    condition     = length(distinct(var.zones)) == 2
    error_message = "Give two letters."
  }
}

variable "bucket_prefix" {
  description = "First part of the buckets' names, which are unique in the world; <project>-<environment> by default."
  type        = string
  default     = null
}

variable "cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/20"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && tonumber(split("/", var.cidr)[1]) <= 24
    error_message = "Give a network of IPv4 of /24 or larger: each subnet is a sixteenth of it."
  }
}

# Sizes; docs/cost.md has the arithmetic. Prices are about those of eu-central-1 on demand.

variable "airflow_type" {
  description = "Instance type of Airflow, amd64 and of the Nitro system; t3.large has 8 GB at 0.096 USD an hour."
  type        = string
  default     = "t3.large"
}

variable "spark_type" {
  description = "Instance type of master and Connect server; m6i.large has 8 GB at 0.115 USD an hour."
  type        = string
  default     = "m6i.large"
}

variable "worker_types" {
  description = "Instance types of workers, of the same memory; those of 4 CPUs and 16 GB cost 0.22 to 0.23 USD an hour, as spot about 0.09."
  type        = list(string)
  default     = ["m6i.xlarge", "m6a.xlarge", "m5.xlarge", "m5a.xlarge"]
}

variable "worker_count" {
  description = "Workers during a run."
  type        = number
  default     = 2

  validation {
    condition     = var.worker_count >= 1 && var.worker_count <= 20
    error_message = "1 to 20 workers: without one nothing is computed, and more than 20 are hardly meant."
  }
}

variable "spot_workers" {
  description = "Whether workers are spot instances: less than half the price, and a lost one costs time only."
  type        = bool
  default     = true
}

variable "spark_settings" {
  description = "Further lines of spark-defaults.conf; memory has to fit spark_type and worker_types."
  type        = map(string)
  default = {
    "spark.driver.memory"   = "4g"
    "spark.executor.memory" = "11g"
  }
}

variable "data_gb" {
  description = "Size of the volume with Airflow's database, logs and downloaded datasets; 0.095 USD a GB and month."
  type        = number
  default     = 20
}

# Guards

variable "budget_usd" {
  description = "What the account may cost a month: e-mails at 80 % of it, and when the forecast exceeds it."
  type        = number
  default     = 100

  validation {
    condition     = var.budget_usd > 0
    error_message = "A budget above 0 USD is needed."
  }
}

variable "always_on" {
  description = "Whether idle hosts stay on; with the sizes above that costs about 350 USD a month."
  type        = bool
  default     = false
}

variable "idle" {
  description = "For how many minutes below how many percent of its CPU a host is stopped. Airflow waits while Spark works."
  type        = map(object({ cpu_percent = number, minutes = number }))
  default = {
    airflow = { cpu_percent = 20, minutes = 180 }
    spark   = { cpu_percent = 5, minutes = 60 }
  }

  validation {
    condition     = toset(keys(var.idle)) == toset(["airflow", "spark"])
    error_message = "Give airflow and spark."
  }

  validation {
    condition     = alltrue([for idle in values(var.idle) : idle.minutes % 5 == 0 && idle.minutes >= 45 && idle.minutes <= 1440])
    error_message = "Idleness is measured in steps of 5 minutes, from 45 (hosts start 30 minutes before the run) to 1440."
  }
}

variable "start_schedule" {
  description = "When hosts are started, in UTC: half an hour before movielens_lakehouse, which runs on the first of the month at 06:00."
  type        = string
  default     = "cron(30 5 1 * ? *)"

  validation {
    condition     = can(regex("^cron[(].+[)]$", var.start_schedule))
    error_message = "Give a cron expression of EventBridge Scheduler."
  }
}

variable "lake_gb" {
  description = "The size of the lake from which on there is an alarm."
  type        = number
  default     = 100
}

# What is kept, and for how long

variable "noncurrent_days" {
  description = "How long overwritten and deleted objects can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 7
    error_message = "Versions are the way back from a mistake: keep them for a week at least."
  }
}

variable "quality_days" {
  description = "How long quality reports are kept; ops.quality_results keeps their results."
  type        = number
  default     = 400
}

variable "log_retention_days" {
  description = "How long flow logs and Airflow's task logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "CloudWatch knows 30, 60, 90, 120, 150, 180, 365, 400, 545 and 731 days."
  }
}

variable "snapshot_days" {
  description = "How many daily snapshots of Airflow's data volume are kept."
  type        = number
  default     = 7
}

# Switches

variable "site_through_cloudfront" {
  description = "Whether CloudFront alone reads the site bucket, by HTTPS; otherwise S3 shows the page by HTTP."
  type        = bool
  default     = false
}

variable "secrets_version" {
  description = "A higher number makes a new token and a new RPC secret; docs/aws.md says what to restart."
  type        = number
  default     = 1

  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "Count 1, 2, 3, ..."
  }
}
