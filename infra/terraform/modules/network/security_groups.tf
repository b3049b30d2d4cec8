# Who may open a connection to whom. Everything that is not here is refused: there is no rule for the internet to come
# in, and hosts have no SSH (Session Manager dials out by HTTPS). One rule a resource, with literal ports, so that the
# cluster test can read this file and apply the same rules between its network namespaces.

# AWS opens this group to its own members and to every destination; nothing uses it.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.lakehouse.id
}

resource "aws_security_group" "airflow" {
  #checkov:skip=CKV2_AWS_5:the instance of the module airflow has it
  name        = "${var.name}-airflow"
  description = "Airflow"
  vpc_id      = aws_vpc.lakehouse.id
}

resource "aws_security_group" "spark" {
  #checkov:skip=CKV2_AWS_5:the instance of the module spark has it
  name        = "${var.name}-spark"
  description = "Spark master and Connect server"
  vpc_id      = aws_vpc.lakehouse.id
}

resource "aws_security_group" "worker" {
  #checkov:skip=CKV2_AWS_5:the launch template of the module spark has it
  name        = "${var.name}-worker"
  description = "Spark workers"
  vpc_id      = aws_vpc.lakehouse.id
}

# Airflow sends its jobs by Spark Connect, in TLS.

resource "aws_vpc_security_group_egress_rule" "airflow_to_spark_connect" {
  security_group_id            = aws_security_group.airflow.id
  description                  = "Spark Connect by TLS"
  ip_protocol                  = "tcp"
  from_port                    = 15003
  to_port                      = 15003
  referenced_security_group_id = aws_security_group.spark.id
}

resource "aws_vpc_security_group_ingress_rule" "spark_connect_from_airflow" {
  security_group_id            = aws_security_group.spark.id
  description                  = "Spark Connect by TLS"
  ip_protocol                  = "tcp"
  from_port                    = 15003
  to_port                      = 15003
  referenced_security_group_id = aws_security_group.airflow.id
}

# Workers register with the master (7077); executors call the driver (7078) and its block manager (7079).

resource "aws_vpc_security_group_egress_rule" "worker_to_spark" {
  security_group_id            = aws_security_group.worker.id
  description                  = "Master, driver, block manager of the driver"
  ip_protocol                  = "tcp"
  from_port                    = 7077
  to_port                      = 7079
  referenced_security_group_id = aws_security_group.spark.id
}

resource "aws_vpc_security_group_ingress_rule" "spark_from_worker" {
  security_group_id            = aws_security_group.spark.id
  description                  = "Master, driver, block manager of the driver"
  ip_protocol                  = "tcp"
  from_port                    = 7077
  to_port                      = 7079
  referenced_security_group_id = aws_security_group.worker.id
}

# The master starts executors through the worker (7081); the driver fetches from their block managers (7082-7085).

resource "aws_vpc_security_group_egress_rule" "spark_to_worker" {
  security_group_id            = aws_security_group.spark.id
  description                  = "Worker, block managers of executors"
  ip_protocol                  = "tcp"
  from_port                    = 7081
  to_port                      = 7085
  referenced_security_group_id = aws_security_group.worker.id
}

resource "aws_vpc_security_group_ingress_rule" "worker_from_spark" {
  security_group_id            = aws_security_group.worker.id
  description                  = "Worker, block managers of executors"
  ip_protocol                  = "tcp"
  from_port                    = 7081
  to_port                      = 7085
  referenced_security_group_id = aws_security_group.spark.id
}

# Executors shuffle among themselves.

resource "aws_vpc_security_group_egress_rule" "worker_to_worker" {
  security_group_id            = aws_security_group.worker.id
  description                  = "Block managers of executors"
  ip_protocol                  = "tcp"
  from_port                    = 7082
  to_port                      = 7085
  referenced_security_group_id = aws_security_group.worker.id
}

resource "aws_vpc_security_group_ingress_rule" "worker_from_worker" {
  security_group_id            = aws_security_group.worker.id
  description                  = "Block managers of executors"
  ip_protocol                  = "tcp"
  from_port                    = 7082
  to_port                      = 7085
  referenced_security_group_id = aws_security_group.worker.id
}

# Every host reaches AWS, package registries and GroupLens by HTTPS. A security group cannot name hosts.

resource "aws_vpc_security_group_egress_rule" "airflow_to_https" {
  security_group_id = aws_security_group.airflow.id
  description       = "AWS, package registries, datasets"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "spark_to_https" {
  security_group_id = aws_security_group.spark.id
  description       = "AWS, package registries"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "worker_to_https" {
  security_group_id = aws_security_group.worker.id
  description       = "AWS, package registries"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}
