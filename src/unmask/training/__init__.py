"""Trainings, from prepared clips to weights with their contract."""
