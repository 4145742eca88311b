"""Rooms, backdrops and the scene that a camera looks at."""
