"""The clinic: the day list, visits, device readings, refraction, prescriptions and dispensing."""
