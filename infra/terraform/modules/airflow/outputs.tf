output "instance" {
  description = "Id of the instance."
  value       = aws_instance.airflow.id
}

output "data_volume" {
  description = "Id of the data volume."
  value       = aws_ebs_volume.data.id
}
