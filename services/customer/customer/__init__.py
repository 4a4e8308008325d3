"""People: who they are, how and for what they may be contacted, and what they were told."""
