"""Presentation attack instruments, a file for each kind; `table.INSTRUMENTS` lists all."""
