"""The demo: a small chain of sample branches and people, and one pair of glasses made in it."""
