"""Who may ask for what: tokens, identity, and what every request is held against."""
