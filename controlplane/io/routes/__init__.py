"""REST: parse a request, call what acts, show the result. No rules and no statements here."""
