"""Dispensing: needs, frame, lens and the measurement of the eyes behind the chosen frame."""
