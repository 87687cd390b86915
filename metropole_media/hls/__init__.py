"""Low-latency HLS: a window of parts and segments, and the playlists that name them (sans-IO).

Source: RFC 8216bis (draft-pantos-hls-rfc8216bis).
"""
