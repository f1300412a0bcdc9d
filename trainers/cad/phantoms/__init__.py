"""Drawing pieces that the phantoms of several applications share."""
