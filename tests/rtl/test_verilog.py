"""The exported Verilog: its ports, and that the same geometry gives the same text."""

import os
import re
import subprocess
import sys

import pytest

from hybridmesh.contract.geometry import Geometry
from hybridmesh.rtl.verilog import TOP, to_verilog

SMALL = {"rows": 32, "path_bytes": 64, "host_bytes": 64, "header_bytes": 64, "hosts": 16}

STREAM = ("tdata", "tkeep", "tlast", "tuser", "tvalid", "tready")
LITE = {
    *("awaddr", "awvalid", "awready", "wdata", "wstrb", "wvalid", "wready"),
    *("bresp", "bvalid", "bready", "araddr", "arvalid", "arready"),
    *("rdata", "rresp", "rvalid", "rready"),
}


def ports(text: str) -> dict[str, tuple[str, int]]:
    """Direction and width of each port of the top module."""
    top = text[text.index(f"module {TOP}(") :]
    top = top[: top.index("endmodule")]
    found = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top, re.MULTILINE)
    return {name: (way, int(high or 0) + 1) for way, high, name in found}


@pytest.mark.parametrize("width", [1, 8])
def test_the_ports_have_their_axi_names(width: int) -> None:
    found = ports(to_verilog(Geometry(width=width, **SMALL)))
    expected = {"clk", "rst"}
    expected |= {f"{s}_axis_{d}_{t}" for s in "sm" for d in ("rx", "tx") for t in STREAM}
    expected |= {f"s_axil_{name}" for name in LITE}
    assert set(found) == expected
    assert found["s_axis_rx_tdata"] == ("input", 8 * width)
    assert found["s_axis_rx_tready"] == ("output", 1)
    assert found["m_axis_rx_tkeep"] == ("output", width)
    assert found["m_axis_rx_tready"] == ("input", 1)
    assert found["s_axis_tx_tlast"] == ("input", 1)
    assert found["m_axis_tx_tvalid"] == ("output", 1)
    assert found["s_axil_awaddr"] == ("input", 12)
    assert found["s_axil_wstrb"] == ("input", 4)
    assert found["s_axil_rdata"] == ("output", 32)
    assert found["s_axil_bready"] == ("input", 1)


def test_another_process_writes_the_same_text_and_no_path_of_its_machine() -> None:
    program = (
        "import sys; from hybridmesh.contract.geometry import Geometry; "
        "from hybridmesh.rtl.verilog import to_verilog; "
        f"sys.stdout.write(to_verilog(Geometry(**{SMALL!r})))"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "1"},
    ).stdout
    assert other == to_verilog(Geometry(**SMALL))
    assert "src =" not in other
