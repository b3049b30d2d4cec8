resource "aws_vpc" "lakehouse" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# Hosts live here. Two zones, for spot workers are found where there are some.
resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.lakehouse.id
  availability_zone = "${var.region}${var.zones[count.index]}"
  cidr_block        = cidrsubnet(var.cidr, 4, count.index)
  tags              = { Name = "${var.name}-private-${count.index}" }
}

# Only the NAT gateway lives here.
resource "aws_subnet" "public" {
  vpc_id            = aws_vpc.lakehouse.id
  availability_zone = "${var.region}${var.zones[0]}"
  cidr_block        = cidrsubnet(var.cidr, 4, 2)
  tags              = { Name = "${var.name}-public" }
}

resource "aws_internet_gateway" "lakehouse" {
  vpc_id = aws_vpc.lakehouse.id
  tags   = { Name = var.name }
}

resource "aws_eip" "nat" {
  domain = "vpc"
  tags   = { Name = "${var.name}-nat" }
}

# The largest cost of a lake at rest: about 42 USD a month with its address (docs/cost.md). One for both zones.
resource "aws_nat_gateway" "lakehouse" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public.id
  tags          = { Name = var.name }
  depends_on    = [aws_internet_gateway.lakehouse]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.lakehouse.id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.lakehouse.id
}

resource "aws_route_table_association" "public" {
  route_table_id = aws_route_table.public.id
  subnet_id      = aws_subnet.public.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.lakehouse.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route" "nat" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.lakehouse.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  route_table_id = aws_route_table.private.id
  subnet_id      = aws_subnet.private[count.index].id
}

# The lake's bytes go to S3 without passing the NAT gateway, which would cost more than storing them.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.lakehouse.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_route53_zone" "internal" {
  name          = "lakehouse.internal"
  comment       = "Names of the hosts of ${var.name}"
  force_destroy = true
  vpc {
    vpc_id = aws_vpc.lakehouse.id
  }
}

resource "aws_cloudwatch_log_group" "flow_logs" {
  name              = "/${var.name}/flow-logs"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_iam_role" "flow_logs" {
  name = "${var.name}-flow-logs"
  assume_role_policy = templatefile("${path.root}/policies/assume.json.tftpl", {
    service = "vpc-flow-logs.amazonaws.com"
    account = var.account
  })
}

resource "aws_iam_role_policy" "flow_logs" {
  name   = "flow-logs"
  role   = aws_iam_role.flow_logs.id
  policy = templatefile("${path.root}/policies/flow-logs.json.tftpl", { log_group_arn = aws_cloudwatch_log_group.flow_logs.arn })
}

resource "aws_flow_log" "lakehouse" {
  vpc_id          = aws_vpc.lakehouse.id
  traffic_type    = "ALL"
  log_destination = aws_cloudwatch_log_group.flow_logs.arn
  iam_role_arn    = aws_iam_role.flow_logs.arn
}
