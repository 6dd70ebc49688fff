"""Which feature groups matter where: each left out, each alone, and one column alone."""
