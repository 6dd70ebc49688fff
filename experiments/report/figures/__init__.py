"""The figures of a report; each is a function of a RunSummary that draws into a canvas of a given width."""
