"""The firewall of the cluster test says what the Terraform files say, and nothing of its own."""

import pytest

from tests.integration.cluster.rules import FILE, Rule, nftables, security_group_rules

OPENED = """
resource "aws_vpc_security_group_ingress_rule" "planted" {
  security_group_id = aws_security_group.spark.id
  description       = "The master's page"
  ip_protocol       = "tcp"
  from_port         = 8081
  to_port           = 8081
  cidr_ipv4         = "0.0.0.0/0"
}
"""


def test_airflow_lets_nobody_in_and_reaches_spark_and_https_only():
    rules = [rule for rule in security_group_rules() if rule.group == "airflow"]

    assert rules == [
        Rule("egress", "airflow", "spark", 15003, 15003),
        Rule("egress", "airflow", "0.0.0.0/0", 443, 443),
    ]


def test_a_rule_for_a_group_is_a_rule_for_the_addresses_of_its_hosts():
    rules = [Rule("ingress", "spark", "worker", 7077, 7079), Rule("egress", "worker", "spark", 7077, 7079)]
    addresses = {"spark": ["10.0.0.1"], "worker": ["10.0.0.2", "10.0.0.3"]}

    spark = nftables("spark", addresses, rules).splitlines()

    assert "ip saddr { 10.0.0.2, 10.0.0.3 } tcp dport 7077-7079 accept" in spark
    assert not any("daddr { 10.0.0.1 }" in line for line in spark)
    assert sum("policy drop" in line for line in spark) == 2


def test_a_port_that_is_opened_in_the_files_is_open_in_the_firewall(tmp_path):
    file = tmp_path / FILE.name
    file.write_text(FILE.read_text() + OPENED)

    planted = set(security_group_rules(file)) - set(security_group_rules())

    assert planted == {Rule("ingress", "spark", "0.0.0.0/0", 8081, 8081)}
    assert "ip saddr { 0.0.0.0/0 } tcp dport 8081-8081 accept" in nftables("spark", {}, list(planted))


def test_a_rule_that_cannot_be_applied_here_is_refused(tmp_path):
    file = tmp_path / FILE.name
    file.write_text(OPENED.replace('"tcp"', '"-1"'))

    with pytest.raises(ValueError, match="planted: only rules for TCP"):
        security_group_rules(file)
