"""Painters on numpy arrays: skeletons and belief maps for recordings, figures for the demo."""
