"""The service, from its door to its drivers."""
