"""The promise: what was quoted, approved and undertaken."""
