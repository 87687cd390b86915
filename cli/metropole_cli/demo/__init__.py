"""`metropole demo`: a site with people, channels and a moving test picture on air."""
