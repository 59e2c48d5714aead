"""cocotb benches on Verilator, one folder for each thing under test.

``tb/<bench>/__init__.py`` names the designs that it runs on, ``tb/<bench>/bench.py`` holds the
cocotb tests.  ``python -m tb <bench>`` runs one by hand, ``tests/tb`` runs them all under pytest.
"""
