"""Masks of pruned CNNs made anew, to predict the accuracies that others published for their like."""
