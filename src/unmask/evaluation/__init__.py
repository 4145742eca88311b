"""What a score table says: rates, slices, robustness, calibration, self-test, adaptation."""
