output "upload_code" {
  description = "Next: run this anywhere in the repository; hosts of a new account wait for it."
  value       = "git -C $(git rev-parse --show-toplevel) archive --format=tar.gz ${var.code_version} | aws s3 cp - s3://${module.storage.code_bucket}/code/${var.code_version}.tar.gz --region ${var.region}"
}

output "open_airflow" {
  description = "Then: run this, leave it running and open http://127.0.0.1:8080."
  value       = "aws ssm start-session --region ${var.region} --target ${module.airflow.instance} --document-name AWS-StartPortForwardingSession --parameters portNumber=8080,localPortNumber=8080"
}

output "open_shell" {
  description = "A shell on a host."
  value = {
    for role, instance in { airflow = module.airflow.instance, spark = module.spark.instance } :
    role => "aws ssm start-session --region ${var.region} --target ${instance}"
  }
}

output "start_hosts" {
  description = "Starts hosts that were stopped when idle."
  value       = "aws ec2 start-instances --region ${var.region} --instance-ids ${module.airflow.instance} ${module.spark.instance} && aws autoscaling set-desired-capacity --region ${var.region} --auto-scaling-group-name ${module.spark.workers.name} --desired-capacity ${var.worker_count}"
}

output "site_url" {
  description = "The page, after the first run."
  value       = module.site.url
}

output "buckets" {
  description = "Names of the buckets."
  value       = { lake = module.storage.lake_bucket, code = module.storage.code_bucket, site = module.site.bucket }
}

output "parameters" {
  description = "Prefix of the parameters in Systems Manager."
  value       = local.parameters
}

output "instances" {
  description = "Ids of the instances."
  value       = { airflow = module.airflow.instance, spark = module.spark.instance }
}

output "workers" {
  description = "Name of the workers' auto scaling group."
  value       = module.spark.workers.name
}
