"""Page, stream and remote control on one port: ``messages`` (pure), ``server``, ``client``, and the page itself in ``web/``."""
