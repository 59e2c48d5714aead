"""The head lexer and the facts gathered from it, at one, eight and 64 bytes a clock."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.http.facts import Facts, HeadFacts
from hybridmesh.rtl.http.lexer import Lexer
from hybridmesh.rtl.layout import lexed_beat, payload_beat

from ..lib.design import Design

__all__ = ["DESIGNS", "HeadLexer"]

GEOMETRIES = [Geometry(width=width) for width in (1, 8, 64)]


class HeadLexer(wiring.Component):
    """Lex every frame and gather the facts of its head.

    Members
    -------
    i : stream of payload_beat, always ready
    o : stream of lexed_beat, always ready
        ``latency`` clocks after ``i``.
    facts : stream of Facts, always ready
        ``facts_latency`` clocks after each beat with ``last``.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._lexer = Lexer(geometry)
        self.latency = self._lexer.latency
        self.facts_latency = self.latency + HeadFacts.latency
        super().__init__(
            {
                "i": In(stream.Signature(payload_beat(geometry), always_ready=True)),
                "o": Out(stream.Signature(lexed_beat(geometry), always_ready=True)),
                "facts": Out(stream.Signature(Facts, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.lexer = lexer = self._lexer
        m.submodules.gather = gather = HeadFacts(self._geometry)
        connect(m, wiring.flipped(self.i), lexer.i)
        connect(m, lexer.o, gather.i)
        connect(m, gather.o, wiring.flipped(self.facts))
        m.d.comb += [self.o.valid.eq(lexer.o.valid), self.o.p.eq(lexer.o.p)]
        return m


DESIGNS = tuple(
    Design(f"width{geometry.width}", lambda geometry=geometry: HeadLexer(geometry), geometry)
    for geometry in GEOMETRIES
)
