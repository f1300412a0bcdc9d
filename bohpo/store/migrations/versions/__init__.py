"""One module per revision of bohpo's tables."""
