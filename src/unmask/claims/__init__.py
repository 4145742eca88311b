"""The study of the papers' claims on simulated data: settings, runs, measures, figures, page."""
