"""From decisions to something a person can read: one HTML file that needs nothing else."""
