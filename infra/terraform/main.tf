# The lakehouse in one AWS account and region; docs/aws.md leads from an empty account to the first run.

data "aws_caller_identity" "current" {}

locals {
  name          = "${var.project}-${var.environment}"
  bucket_prefix = coalesce(var.bucket_prefix, local.name)
  parameters    = "/${var.project}/${var.environment}"
  account       = data.aws_caller_identity.current.account_id

  # What all hosts have in /etc/lakehouse/settings.json.
  settings = {
    spark_host  = "spark.${module.network.dns_zone.name}"
    region      = var.region
    lake_bucket = module.storage.lake_bucket
    parameters  = local.parameters
    catalog     = { type = "glue" }
  }
}

module "network" {
  source             = "./modules/network"
  name               = local.name
  region             = var.region
  account            = local.account
  zones              = var.zones
  cidr               = var.cidr
  key_arn            = module.storage.key_arn
  log_retention_days = var.log_retention_days
}

module "storage" {
  source             = "./modules/storage"
  name               = local.name
  region             = var.region
  account            = local.account
  bucket_prefix      = local.bucket_prefix
  parameters         = local.parameters
  code_version       = var.code_version
  noncurrent_days    = var.noncurrent_days
  quality_days       = var.quality_days
  log_retention_days = var.log_retention_days
}

module "catalog" {
  source      = "./modules/catalog"
  lake_bucket = module.storage.lake_bucket
}

module "site" {
  source             = "./modules/site"
  name               = local.name
  bucket_prefix      = local.bucket_prefix
  through_cloudfront = var.site_through_cloudfront
  noncurrent_days    = var.noncurrent_days
}

module "spark" {
  source          = "./modules/spark"
  name            = local.name
  account         = local.account
  settings        = local.settings
  spark_settings  = var.spark_settings
  code_bucket     = module.storage.code_bucket
  key_arn         = module.storage.key_arn
  subnets         = module.network.private_subnets
  security_groups = module.network.security_groups
  dns_zone        = module.network.dns_zone
  spark_type      = var.spark_type
  worker_types    = var.worker_types
  worker_count    = var.worker_count
  spot_workers    = var.spot_workers
  secrets_version = var.secrets_version
}

module "airflow" {
  source           = "./modules/airflow"
  name             = local.name
  account          = local.account
  settings         = local.settings
  code_bucket      = module.storage.code_bucket
  site_bucket      = module.site.bucket
  key_arn          = module.storage.key_arn
  alerts_topic_arn = module.guard.topic_arn
  site_url         = module.site.url
  subnet           = module.network.private_subnets[0]
  zone             = module.network.zone
  security_group   = module.network.security_groups.airflow
  dns_zone         = module.network.dns_zone
  airflow_type     = var.airflow_type
  data_gb          = var.data_gb
  snapshot_days    = var.snapshot_days
  secrets_version  = var.secrets_version
}

module "guard" {
  source         = "./modules/guard"
  name           = local.name
  region         = var.region
  account        = local.account
  key_arn        = module.storage.key_arn
  alert_email    = var.alert_email
  budget_usd     = var.budget_usd
  instances      = { airflow = module.airflow.instance, spark = module.spark.instance }
  workers        = module.spark.workers
  worker_count   = var.worker_count
  data_volume    = module.airflow.data_volume
  lake_bucket    = module.storage.lake_bucket
  lake_gb        = var.lake_gb
  nat_gateway    = module.network.nat_gateway
  always_on      = var.always_on
  start_schedule = var.start_schedule
  idle           = var.idle
}
