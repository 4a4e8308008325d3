"""The whole chain on one machine: the database, the broker and the object store a pair of glasses
leaves its traces in, and every process that serves it, started together and stopped together."""
