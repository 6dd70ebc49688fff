"""What the terminal shows: progress while something runs, tables when it is done."""
