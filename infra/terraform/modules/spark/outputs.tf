output "instance" {
  description = "Id of the instance of master and Connect server."
  value       = aws_instance.spark.id
}

output "workers" {
  description = "Name and ARN of the workers' auto scaling group."
  value       = { name = aws_autoscaling_group.worker.name, arn = aws_autoscaling_group.worker.arn }
}
