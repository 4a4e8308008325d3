"""The device bridge: what the instruments of a branch measured, byte for byte, made readable."""
