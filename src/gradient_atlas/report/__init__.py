"""Pages for a browser: the report, one file that needs nothing but itself, and the site."""
