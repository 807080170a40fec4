"""The project as a whole: its layout, its pages and its commands agree."""
