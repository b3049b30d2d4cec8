"""What the configuration promises to whoever pays for the account: nobody comes in, nothing is open, hosts stop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from infra.checks.hcl import Block, literal, nested, texts

ANYWHERE = {"cidr_ipv4", "cidr_ipv6", "prefix_list_id"}
OF_A_BUCKET = (
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
)
IRREPLACEABLE = ("aws_s3_bucket.lake", "aws_kms_key.lakehouse")
MANAGED_POLICIES = {
    # Amazon's own for this one service; it may make and delete snapshots and nothing else.
    "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}
POLICY_HOLDERS = {"aws_iam_role_policy", "aws_s3_bucket_policy", "aws_kms_key", "aws_iam_role"}
STOP = '"arn:aws:automate:${var.region}:ec2:stop"'


def check(blocks: list[Block]) -> Iterator[str]:
    for promise in (
        nobody_comes_in,
        hosts_go_out_by_https_only,
        metadata_needs_a_token,
        everything_is_encrypted,
        hosts_have_no_public_address,
        buckets_are_complete,
        secrets_stay_out_of_the_state,
        policies_are_files,
        logs_end,
        the_irreplaceable_is_kept,
        cost_is_guarded,
        everything_is_tagged,
    ):
        yield from promise(blocks)


def of(blocks: Iterable[Block], *types: str) -> list[Block]:
    """The resources of some types."""
    return [block for block in blocks if block.kind == "resource" and block.labels[0] in types]


def nobody_comes_in(blocks: list[Block]) -> Iterator[str]:
    for rule in of(blocks, "aws_vpc_security_group_ingress_rule"):
        if ANYWHERE & rule.body.keys() or "referenced_security_group_id" not in rule.body:
            yield rule.finding("connections come in from other than a security group")
    for group in of(blocks, "aws_security_group", "aws_default_security_group"):
        if {"ingress", "egress"} & group.body.keys():
            yield group.finding("rules are resources of their own")
    for rule in of(blocks, "aws_security_group_rule"):
        yield rule.finding("rules are aws_vpc_security_group_ingress_rule and aws_vpc_security_group_egress_rule")
    if not of(blocks, "aws_default_security_group"):
        yield "the default security group of the VPC is open"


def hosts_go_out_by_https_only(blocks: list[Block]) -> Iterator[str]:
    for rule in of(blocks, "aws_vpc_security_group_egress_rule"):
        ports = rule.body.get("from_port"), rule.body.get("to_port")
        if ANYWHERE & rule.body.keys() and ports != (443, 443):
            yield rule.finding("only port 443 may go anywhere")


def metadata_needs_a_token(blocks: list[Block]) -> Iterator[str]:
    for host in of(blocks, "aws_instance", "aws_launch_template"):
        options = nested(host.body, "metadata_options") or [{}]
        if literal(options[0].get("http_tokens")) != "required" or options[0].get("http_put_response_hop_limit") != 1:
            yield host.finding("instance metadata needs a token (IMDSv2) and one hop")


def everything_is_encrypted(blocks: list[Block]) -> Iterator[str]:
    for block in blocks:
        for disk in disks(block):
            if disk.get("encrypted") is not True:
                yield block.finding("a disk is not encrypted")
    for needed, types in (("kms_master_key_id", ["aws_sns_topic"]), ("kms_key_id", ["aws_cloudwatch_log_group"])):
        for block in of(blocks, *types):
            if needed not in block.body:
                yield block.finding(f"{needed} is missing: it is not encrypted with the key of the lake")


def disks(block: Block) -> list[dict[str, Any]]:
    if block.kind != "resource":
        return []
    if block.labels[0] == "aws_ebs_volume":
        return [block.body]
    if block.labels[0] == "aws_instance":
        return (nested(block.body, "root_block_device") or [{}]) + nested(block.body, "ebs_block_device")
    if block.labels[0] == "aws_launch_template":
        mappings = nested(block.body, "block_device_mappings") or [{}]
        return [disk for mapping in mappings for disk in nested(mapping, "ebs") or [{}]]
    return []


def hosts_have_no_public_address(blocks: list[Block]) -> Iterator[str]:
    for host in of(blocks, "aws_instance", "aws_launch_template"):
        interfaces = [host.body] if host.labels[0] == "aws_instance" else nested(host.body, "network_interfaces")
        if [interface.get("associate_public_ip_address") for interface in interfaces] != [False]:
            yield host.finding("associate_public_ip_address = false is missing")
        if "key_name" in host.body:
            yield host.finding("hosts have no SSH key: people come by Session Manager")
    for subnet in of(blocks, "aws_subnet"):
        if subnet.body.get("map_public_ip_on_launch", False) is not False:
            yield subnet.finding("whatever starts here would get a public address")
    for address in of(blocks, "aws_eip"):
        if not any(
            f"{address.address}.id" in text for nat in of(blocks, "aws_nat_gateway") for text in texts(nat.body)
        ):
            yield address.finding("a public address that is not the NAT gateway's")


def buckets_are_complete(blocks: list[Block]) -> Iterator[str]:
    for bucket in of(blocks, "aws_s3_bucket"):
        module = [block for block in blocks if block.folder == bucket.folder]
        for type_ in OF_A_BUCKET:
            if not any(f"{bucket.address}.id" in str(block.body.get("bucket")) for block in of(module, type_)):
                yield bucket.finding(f"{type_} is missing")


def secrets_stay_out_of_the_state(blocks: list[Block]) -> Iterator[str]:
    for secret in of(blocks, "random_password", "random_string"):
        yield secret.finding("its value is in the state: make it ephemeral")
    for parameter in of(blocks, "aws_ssm_parameter"):
        if literal(parameter.body["type"]) == "SecureString" and not {"value_wo", "key_id"} <= parameter.body.keys():
            yield parameter.finding("a secret is given as value_wo, and encrypted with the key of the lake (key_id)")


def policies_are_files(blocks: list[Block]) -> Iterator[str]:
    """Policies elsewhere would escape the checks of ``policies/``."""
    for block in blocks:
        if block.kind == "data" and block.labels[0] == "aws_iam_policy_document":
            yield block.finding("policies are files of policies/")
    for block in of(blocks, *POLICY_HOLDERS):
        text = str(block.body.get("policy", block.body.get("assume_role_policy")))
        if "/policies/" not in text and text != "${var.policy}":
            yield block.finding("policies are files of policies/")
    for attached in of(blocks, "aws_iam_role_policy_attachment", "aws_iam_policy_attachment"):
        if literal(attached.body["policy_arn"]) not in MANAGED_POLICIES:
            yield attached.finding("attaches a policy that is not listed")


def logs_end(blocks: list[Block]) -> Iterator[str]:
    for group in of(blocks, "aws_cloudwatch_log_group"):
        if "retention_in_days" not in group.body:
            yield group.finding("logs are kept for ever")


def the_irreplaceable_is_kept(blocks: list[Block]) -> Iterator[str]:
    for address in IRREPLACEABLE:
        found = [block for block in blocks if block.address == address]
        if not found:
            yield f"{address} is missing"
        for block in found:
            if not any(lifecycle.get("prevent_destroy") is True for lifecycle in nested(block.body, "lifecycle")):
                yield block.finding("prevent_destroy = true is missing")
            if block.body.get("force_destroy", False) is not False:
                yield block.finding("force_destroy deletes the lake with the bucket")


def cost_is_guarded(blocks: list[Block]) -> Iterator[str]:
    budgets = [told for budget in of(blocks, "aws_budgets_budget") for told in nested(budget.body, "notification")]
    if not any("${var.alert_email}" in told.get("subscriber_email_addresses", []) for told in budgets):
        yield "no budget tells anybody"
    alarms = of(blocks, "aws_cloudwatch_metric_alarm")
    stopping = [alarm for alarm in alarms if STOP in alarm.body.get("alarm_actions", [])]
    if {alarm.body.get("for_each") for alarm in stopping} != {"${var.idle}"}:
        yield "no alarm stops the idle hosts airflow and spark"
    emptied = {
        f"${{{policy.address}.arn}}"
        for policy in of(blocks, "aws_autoscaling_policy")
        if policy.body.get("scaling_adjustment") == 0
    }
    if not any(emptied & set(alarm.body.get("alarm_actions", [])) for alarm in alarms):
        yield "no alarm ends the idle workers"
    started = {
        literal(target["arn"]).rsplit(":", 1)[-1]
        for schedule in of(blocks, "aws_scheduler_schedule")
        for target in nested(schedule.body, "target")
    }
    if started != {"startInstances", "setDesiredCapacity"}:
        yield "no schedule starts hosts and workers before the run"
    for switch in (block for block in blocks if block.address == "var.always_on" and "default" in block.body):
        if switch.body["default"] is not False:
            yield switch.finding("idle hosts are stopped by default")


def everything_is_tagged(blocks: list[Block]) -> Iterator[str]:
    tags = [str(tag) for block in blocks if block.kind == "provider" for tag in nested(block.body, "default_tags")]
    if not any("Project" in tag and "Environment" in tag for tag in tags):
        yield "the provider has no default tags Project and Environment"
