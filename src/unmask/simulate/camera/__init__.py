"""Cameras: their models, exposure and lens, wear, and the matching of looks between classes."""
