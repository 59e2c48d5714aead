"""What hardware and software agree on, each thing described once."""
