"""What routes do besides forwarding: changes of heads, redirects, CORS, faults, copies."""
