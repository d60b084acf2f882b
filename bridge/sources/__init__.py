"""Where frames come from: cameras, videos, stills, folders; or finished results: the demo performance, recordings."""
