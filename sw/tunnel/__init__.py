"""The tunnel: carries bytes and verdicts from the NIC's host leg to the proxy's sockets."""
