"""Training: data sets, augmentation, targets and the loop."""
