"""One command a file, each a function whose parameters are its flags; heavy imports happen inside."""
