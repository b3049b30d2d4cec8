"""The security groups of the Terraform files as rules of nftables, one set for each host."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.checks import environment
from infra.files import REPOSITORY

FILE = REPOSITORY / "infra" / "terraform" / "modules" / "network" / "security_groups.tf"
PARSE = "import hcl2, json, sys; print(json.dumps(hcl2.load(open(sys.argv[1]))))"


@dataclass(frozen=True)
class Rule:
    """Who may open a connection: ``ingress`` into or ``egress`` out of a group, to or from a peer on some ports."""

    direction: str
    group: str
    peer: str
    """A group, or a network such as 0.0.0.0/0."""
    first_port: int
    last_port: int


def security_group_rules(file: Path = FILE) -> list[Rule]:
    """The rules of a Terraform file, which has one resource a rule.

    Raises:
        ValueError: a rule that this reading does not know, for another protocol than TCP or another kind of peer.
    """
    command = [str(environment.python()), "-c", PARSE, str(file)]
    parsed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    rules = []
    for block in parsed["resource"]:
        for kind, resources in block.items():
            if plain(kind).endswith("_rule"):
                direction = plain(kind).removeprefix("aws_vpc_security_group_").removesuffix("_rule")
                rules += [rule_of(direction, plain(name), fields) for name, fields in resources.items()]
    return rules


def rule_of(direction: str, name: str, fields: Mapping[str, Any]) -> Rule:
    values = {key: plain(value) for key, value in fields.items()}
    peer = values.get("cidr_ipv4") or group_of(values.get("referenced_security_group_id", ""))
    if values.get("ip_protocol") != "tcp" or not peer:
        raise ValueError(f"{name}: only rules for TCP with a security group or IPv4 network as peer are read")
    return Rule(
        direction, group_of(values["security_group_id"]), peer, int(values["from_port"]), int(values["to_port"])
    )


def plain(value: Any) -> str:
    """A value as it was written, without quotes and the marks of an expression."""
    (value,) = value if isinstance(value, list) else [value]  # the reader takes every argument for a repeatable one
    return str(value).strip('"').removeprefix("${").removesuffix("}")


def group_of(reference: str) -> str:
    """``spark`` of ``aws_security_group.spark.id``."""
    return reference.removeprefix("aws_security_group.").removesuffix(".id")


def nftables(group: str, addresses: Mapping[str, Sequence[str]], rules: Sequence[Rule]) -> str:
    """The firewall of a host of a group, stateful and closed as a security group is. ``addresses`` are by group.

    Not subject to security groups, and so let through: the host itself, and the link-local services of AWS.
    """

    def lines(direction: str, side: str) -> list[str]:
        found = []
        for rule in rules:
            if (rule.direction, rule.group) == (direction, group):
                peers = ", ".join(addresses[rule.peer]) if rule.peer in addresses else rule.peer
                found.append(f"ip {side} {{ {peers} }} tcp dport {rule.first_port}-{rule.last_port} accept")
        return found

    chains = {"input": ("lo", "ingress", "saddr"), "output": ("lo", "egress", "daddr")}
    text = ["table inet security_group {"]
    for chain, (loopback, direction, side) in chains.items():
        interface = "iif" if chain == "input" else "oif"
        text += [
            f"chain {chain} {{ type filter hook {chain} priority 0; policy drop;",
            f"{interface} {loopback} accept",
            "ct state established,related accept",
            "ip daddr 169.254.0.0/16 accept",
            *lines(direction, side),
            "}",
        ]
    return "\n".join([*text, "}\n"])
