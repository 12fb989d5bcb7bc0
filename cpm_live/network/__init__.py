"""The Convolutional Pose Machine as torch modules, its presets and its checkpoints."""
