"""What happens to a face between the tracker and the outputs: guard, smooth, calibrate, eyes, presence; then, per output,
resample and mirror. Pure: time comes in with the states, nothing here reads a clock or does I/O.
"""
