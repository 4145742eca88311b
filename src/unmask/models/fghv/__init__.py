"""FGHV (AAAI 2022): feature generation and hypothesis verification."""
