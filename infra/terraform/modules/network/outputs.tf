# A host that boots before there is a way out cannot install itself.
output "private_subnets" {
  description = "Ids of the subnets of the hosts, the first in the zone of the NAT gateway."
  value       = aws_subnet.private[*].id
  depends_on  = [aws_route.nat, aws_route.internet, aws_route_table_association.private, aws_route_table_association.public]
}

output "zone" {
  description = "Availability zone of the first private subnet."
  value       = aws_subnet.private[0].availability_zone
}

output "security_groups" {
  description = "Ids of the security groups by role."
  value = {
    airflow = aws_security_group.airflow.id
    spark   = aws_security_group.spark.id
    worker  = aws_security_group.worker.id
  }
}

output "dns_zone" {
  description = "Id and name of the private DNS zone."
  value       = { id = aws_route53_zone.internal.zone_id, name = aws_route53_zone.internal.name }
}

output "nat_gateway" {
  description = "Id of the NAT gateway."
  value       = aws_nat_gateway.lakehouse.id
}
