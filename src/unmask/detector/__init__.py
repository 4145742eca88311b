"""From a model file and frames to a verdict: network, evidence, decision, stream, scoring of many."""
