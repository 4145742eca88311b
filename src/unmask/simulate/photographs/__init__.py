"""Photographs of people as scenes: bona fide as cameras see the person, attacks as they see the picture."""

from unmask.simulate.photographs.files import Photograph, Pictured, load_photographs
from unmask.simulate.photographs.folder import simulate_photographs
from unmask.simulate.photographs.series import Photographs
from unmask.simulate.photographs.showings import SHOWINGS

__all__ = ["SHOWINGS", "Photograph", "Photographs", "Pictured", "load_photographs", "simulate_photographs"]
