"""Weights of other projects' Convolutional Pose Machines, as networks of ours."""
