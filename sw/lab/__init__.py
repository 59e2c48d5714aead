"""The lab: client, wire and host in network namespaces of their own, the NIC between two TAPs."""
