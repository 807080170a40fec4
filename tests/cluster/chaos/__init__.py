"""A seeded schedule of kills and changes on the real cluster, judged by the exchange's own record."""
