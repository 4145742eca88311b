"""Prepared sets: recordings cut into clips, kept in shards, read again for training."""
