"""A report of nextpnr, as ``--report`` writes it, of a design with one clock; paths of others."""

__all__ = ["path_of", "report"]


def _step(kind: str, delay: float, source: str, sink: str) -> dict:
    return {
        "type": kind,
        "delay": delay,
        "from": {"cell": source, "port": "Q"},
        "to": {"cell": sink, "port": "D"},
    }


def path_of(part: str) -> list[dict]:
    """A path from one register of ``board.<part>`` to another."""
    first, lut = f"board.{part}.first_TRELLIS_FF_Q", f"board.{part}.first_LUT4_A"
    second = f"board.{part}.second_TRELLIS_FF_Q_1"
    return [
        _step("clk-to-q", 0.5, first, first),
        _step("routing", 5.2, first, lut),
        _step("logic", 0.25, lut, lut),
        _step("setup", 0.25, second, second),
    ]


def report(fmax: float) -> dict:
    """Its slowest path goes from the walker through the engine into a block RAM."""
    flop, lut = "dut.walker.o__payload.seq_TRELLIS_FF_Q_3", "dut.engine.rows_LUT4_A_1"
    block = "dut.engine.path.lane0_low.block$10"
    return {
        "fmax": {"$glbnet$clk": {"achieved": fmax, "constraint": 125.0}},
        "utilization": {
            "TRELLIS_COMB": {"used": 1200, "available": 24000},
            "TRELLIS_FF": {"used": 900, "available": 24000},
            "DP16KD": {"used": 14, "available": 56},
        },
        "critical_paths": [
            {"from": "<async>", "to": "posedge $glbnet$clk", "path": []},
            {
                "from": "posedge $glbnet$clk",
                "to": "posedge $glbnet$clk",
                "path": [
                    _step("clk-to-q", 0.5, flop, flop),
                    _step("routing", 2.25, flop, lut),
                    _step("logic", 0.25, lut, lut),
                    _step("routing", 3.0, lut, block),
                    _step("setup", 0.5, block, block),
                ],
            },
        ],
    }
