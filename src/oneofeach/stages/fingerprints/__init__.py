"""Ways to describe an image and to say how similar two descriptions are; one small file per method."""
