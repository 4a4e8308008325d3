"""Lab jobs: one fabrication of a pair of glasses, from release to the hands of the wearer."""
