"""From coefficients to the values of another vocabulary: gaze angles, VRM presets. Pure."""
