"""The configuration of a web server in front of the site: one host name for pages, WebSocket and
media."""
