"""What goes into the images: the Dockerfile and the locks."""
