"""What every bench is made of: the runner, stream drivers and monitors, pauses, frames."""
