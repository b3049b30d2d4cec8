output "ami" {
  description = "Id of Debian's image."
  value       = data.aws_ami.debian.id
}

output "instance_profile" {
  description = "Name of the instance profile."
  value       = aws_iam_instance_profile.host.name
}

output "user_data" {
  description = "cloud-init of the host."
  value       = local.user_data
}
