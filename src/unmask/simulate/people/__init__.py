"""Subjects: portraits, procedural faces, busts, three-dimensional heads."""
