"""The kernel's accounts: CPU of groups and processes, of the whole machine, and memory."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Cpu", "machine", "memory", "of_ended_children", "of_group", "of_process"]

_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6)
"""user, nice, system, irq and softirq, of the columns of /proc/stat."""
_SOFTIRQ = 6


@dataclass(frozen=True)
class Cpu:
    """Seconds of CPU: own code, and the kernel's for it."""

    user: float
    system: float

    @property
    def total(self) -> float:
        return self.user + self.system

    def __sub__(self, before: "Cpu") -> "Cpu":
        return Cpu(self.user - before.user, self.system - before.system)


def of_group(path: Path) -> Cpu:
    """Of all processes that have been in a cgroup."""
    values = dict(line.split() for line in (path / "cpu.stat").read_text().splitlines())
    return Cpu(int(values["user_usec"]) / 1e6, int(values["system_usec"]) / 1e6)


def of_process(number: int) -> Cpu:
    """Of one that has not ended, with all its threads."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return Cpu(int(fields[11]) / _TICKS, int(fields[12]) / _TICKS)


def of_ended_children() -> Cpu:
    """Of those of this process that it has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cpu(used.ru_utime, used.ru_stime)


def machine() -> tuple[float, float]:
    """Seconds that all cores have been busy, and of these in softirq."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(int(fields[n]) for n in _BUSY) / _TICKS, int(fields[_SOFTIRQ]) / _TICKS


def memory(number: int) -> tuple[int, int]:
    """RSS and PSS of a process, in bytes."""
    sizes = {
        words[0]: int(words[1]) * 1024
        for line in Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()[1:]
        if len(words := line.split()) == 3
    }
    return sizes["Rss:"], sizes["Pss:"]
