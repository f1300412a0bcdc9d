"""What `bohpo new` writes: files that run as they are."""
