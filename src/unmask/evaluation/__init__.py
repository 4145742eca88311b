"""What a score table says: rates, slices, stress, calibration, self-test, adaptation."""
