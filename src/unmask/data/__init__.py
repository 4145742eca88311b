"""Data sets and protocols as they were published, and clips prepared from them."""
