"""Methods of others, one file each, under the same contract."""
