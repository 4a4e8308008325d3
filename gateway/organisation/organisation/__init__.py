"""The chain itself: branches, staff with their roles and qualifications, and signing in."""
