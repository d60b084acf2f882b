"""Wire formats without I/O: values in, bytes out, and back. No socket, clock or thread in here."""
