"""Which ports of a host can be reached from another: a table of every pair of hosts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.integration.cluster.machines import Machine, in_network

SECONDS = 1.5
PROBE = """
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def outcome(target):
    with socket.socket() as probe:
        probe.settimeout(float(sys.argv[1]))
        try:
            probe.connect(tuple(target))
        except TimeoutError:
            return "refused"
        except OSError:
            return "closed"
        return "open"

targets = json.loads(sys.argv[2])
with ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(list(pool.map(outcome, targets))))
"""


@dataclass(frozen=True)
class Reach:
    """What became of an attempt to connect: open, refused (by a firewall) or closed (nothing listens there)."""

    source: str
    target: str
    port: int
    outcome: str


def listening(machine: Machine) -> set[int]:
    """The TCP ports on which a host listens, whatever the address."""
    command = in_network(machine, "ss", "--tcp", "--listening", "--numeric", "--no-header")
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
    return {int(line.split()[3].rsplit(":", 1)[1]) for line in lines}


def reaches(hosts: Mapping[str, Machine], further: Sequence[int]) -> list[Reach]:
    """Every port that listens anywhere, and some further ones, tried from each host to each other one."""
    ports = sorted(set(further).union(*map(listening, hosts.values())))
    found = []
    for source in hosts.values():
        others = [(target, port) for target in hosts.values() if target is not source for port in ports]
        addresses = json.dumps([(target.address, port) for target, port in others])
        command = in_network(source, sys.executable, "-c", PROBE, str(SECONDS), addresses)
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        outcomes = zip(others, json.loads(answer), strict=True)
        found += [Reach(source.name, target.name, port, outcome) for (target, port), outcome in outcomes]
    return found


def as_table(found: Sequence[Reach]) -> str:
    """One line for each pair of hosts: the ports that are open, and those that are refused."""
    lines = [f"{'from':<10} {'to':<10} {'open':<24} refused"]
    pairs = dict.fromkeys((each.source, each.target) for each in found)
    for source, target in pairs:
        ports = {
            outcome: " ".join(
                str(each.port)
                for each in found
                if (each.source, each.target, each.outcome) == (source, target, outcome)
            )
            for outcome in ("open", "refused")
        }
        lines.append(f"{source:<10} {target:<10} {ports['open'] or '-':<24} {ports['refused']}")
    return "\n".join(lines)
