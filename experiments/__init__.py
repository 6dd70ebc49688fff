"""The command line `sparsenas`: configs, run directories, terminal output and reports over the other packages."""
