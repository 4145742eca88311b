"""Simulated presentations: people, instruments and cameras, with true depth."""
