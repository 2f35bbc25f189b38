"""Metrics: one pure function a file, of one question."""
