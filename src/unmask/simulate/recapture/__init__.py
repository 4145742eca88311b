"""Recapture pairs: one picture taken as a bona fide face and as an attack, in two dimensions."""

from unmask.simulate.recapture.series import Recaptures

__all__ = ["Recaptures"]
