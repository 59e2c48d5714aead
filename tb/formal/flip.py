"""Proofs of the flip of the tables: a frame is matched in one bank, and nobody writes there."""

from types import ModuleType

from amaranth.hdl import Assert, Assume, Module, Signal
from amaranth.lib import wiring

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.frame.cursor import FrameContext
from hybridmesh.rtl.layout import packet_beat

from .proof import Fault, Proof, Spec, past

__all__ = ["PROOFS"]

FRAMES = 3
"""That can be without a verdict at a time."""


class OneContext(Spec):
    """All beats of a frame have the context that held when its first one came."""

    def __init__(self, cursor: wiring.Component, width: int) -> None:
        super().__init__()
        self.cursor = cursor
        self.width = width

    def claim(self, m: Module) -> None:
        m.submodules.cursor = cursor = self.cursor
        i, o = cursor.i, cursor.o
        context = self.free(FrameContext, "context")
        m.d.comb += [
            i.valid.eq(self.free(1, "valid")),
            i.payload.eq(self.free(packet_beat(self.width), "beat")),
            cursor.context.eq(context),
        ]
        begins, held = Signal(init=1), Signal(len(context.as_value()))
        with m.If(i.valid):
            m.d.sync += begins.eq(i.p.last)
            with m.If(begins):
                m.d.sync += held.eq(context)
        at = o.p.at
        m.d.comb += Assert(~o.valid | (at.context.as_value() == held))
        m.d.comb += Assert(~o.valid | (at.first == past(m, begins)))


class SpareBank(Spec):
    """No word is written into the bank that a frame without a verdict is matched in.

    One frame is picked at will and followed from its first beat to its verdict.
    """

    def __init__(self, loader: wiring.Component) -> None:
        super().__init__()
        self.loader = loader

    def claim(self, m: Module) -> None:
        m.submodules.loader = loader = self.loader
        started, judged = self.free(1, "started"), self.free(1, "judged")
        ports = (loader.table_address, loader.table_data, loader.table_commit)
        writes = [self.free(1, f"writes{n}") for n in range(len(ports))]
        m.d.comb += [
            loader.started.eq(started),
            loader.judged.eq(judged),
            # one write at a time, and none that is refused
            Assume(sum(writes) <= 1),
            *(port.w_en.eq(write) for port, write in zip(ports, writes, strict=True)),
            *(Assume(~(port.w_en & port.w_refuse)) for port in ports),
            *(
                port.w_data.eq(self.free(len(port.w_data.as_value()), f"data{n}"))
                for n, port in enumerate(ports)
            ),
        ]
        waiting = Signal(range(FRAMES + 1))
        m.d.sync += waiting.eq(waiting + started - judged)
        m.d.comb += [
            Assume(~started | (waiting != FRAMES)),
            Assume(~judged | (waiting != 0)),
        ]
        followed, ahead, bank = Signal(), Signal.like(waiting), Signal()
        with m.If(started & self.free(1, "pick") & ~followed):
            m.d.sync += [followed.eq(1), ahead.eq(waiting - judged), bank.eq(loader.bank)]
        with m.Elif(followed & judged):
            m.d.sync += [followed.eq(ahead != 0), ahead.eq(ahead - 1)]
        table = loader.table
        m.d.comb += Assert(~(followed & table.en & (table.bank == bank)))


def _context(width: int) -> Proof:
    return Proof(
        f"context-{width}",
        f"{width} bytes a beat: a frame keeps the bank and the epoch of its first beat",
        "hybridmesh.rtl.frame.cursor",
        lambda module: OneContext(module.Cursor(Geometry(width=width)), width),
        (
            Fault("Mux(first, self.context, o.p.at.context)", "self.context"),
            Fault("first.eq(i.p.last)", "first.eq(i.p.error)"),
        ),
    )


def _loader(module: ModuleType) -> Spec:
    return SpareBank(module.TableLoader(Geometry(rows=32, hosts=16, predicates=16), FRAMES))


PROOFS = (
    _context(8),
    _context(64),
    Proof(
        "spare-bank",
        "no word is written into a bank in which a frame without a verdict is matched",
        "hybridmesh.rtl.control.table",
        _loader,
        (
            Fault(
                "self.table_data.w_refuse.eq(self.pending | ~has)",
                "self.table_data.w_refuse.eq(~has)",
            ),
            Fault("with m.Elif(judged & (left != 0)):", "with m.Elif(judged | (left != 0)):"),
            Fault("self.pending.eq((left_next != 0) | commit)", "self.pending.eq(left_next != 0)"),
            Fault("self.table.bank.eq(~self.bank)", "self.table.bank.eq(self.bank)"),
        ),
    ),
)
