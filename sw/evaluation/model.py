"""Cost and power of serving by CPU alone and with the NIC: a model, not a measurement.

What was measured goes in by one number for each gateway, requests per second of CPU.  All other
inputs stand in ``model.yaml``, each with its source.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .site import EvaluationError

__all__ = ["INPUTS", "Input", "Option", "inputs", "options"]

INPUTS = Path(__file__).with_name("model.yaml")


@dataclass(frozen=True)
class Input:
    """One number, and where it is from."""

    name: str
    value: float
    source: str


@dataclass(frozen=True)
class Option:
    """A server with gateways.

    Attributes
    ----------
    rate : float
        Requests per second.
    usd, watts : float
        Of the whole server.
    limit : str
        What keeps it from more.
    """

    name: str
    rate: float
    usd: float
    watts: float
    limit: str


def inputs(path: Path = INPUTS) -> dict[str, Input]:
    """By ``section.name``; raises :exc:`EvaluationError` for one without a source."""
    found: dict[str, Input] = {}
    sections: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())
    for section, members in sections.items():
        for name, member in members.items():
            full = f"{section}.{name}"
            try:
                found[full] = Input(full, float(member["value"]), str(member["source"]))
            except (KeyError, TypeError, ValueError):
                raise EvaluationError(
                    "An input of the model has no value or no source", place=f"{path}: {full}"
                ) from None
    return found


def options(
    known: dict[str, Input], cpu: float, hybrid: float, wire_bytes: float
) -> tuple[Option, Option]:
    """A server by CPU alone, and one with the NIC.

    Parameters
    ----------
    cpu, hybrid : float
        Measured microseconds of CPU per request.
    wire_bytes : float
        Bytes that a request takes on the wire, towards the gateway.
    """

    def value(name: str) -> float:
        return known[name].value

    seconds = value("server.cores") * value("server.usable_share")
    by_cpu, by_hybrid = seconds * 1e6 / cpu, seconds * 1e6 / hybrid
    wire = value("fpga_nic.gbps") * 1e9 / 8 / wire_bytes
    return (
        Option(
            "CPU only",
            by_cpu,
            value("server.price_usd") + value("nic.price_usd"),
            value("server.watts") + value("nic.watts"),
            "cores",
        ),
        Option(
            "hybrid",
            min(by_hybrid, wire),
            value("server.price_usd") + value("fpga_nic.price_usd"),
            value("server.watts") + value("fpga_nic.watts"),
            "cores" if by_hybrid <= wire else "wire",
        ),
    )
