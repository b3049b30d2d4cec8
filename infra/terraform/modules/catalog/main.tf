# Glue has one catalog an account and region, so this is one lake. Tables come from the contracts, with the first run.
resource "aws_glue_catalog_database" "layer" {
  for_each     = toset(["landing", "bronze", "silver", "gold", "quarantine", "marts", "ops"])
  name         = each.key
  description  = "Iceberg tables of the lake, see docs/tables.md"
  location_uri = "s3://${var.lake_bucket}/warehouse/${each.key}"
}
