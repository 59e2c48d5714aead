"""The thin shell around the core: sockets, connects and the alarm clock, on asyncio."""
