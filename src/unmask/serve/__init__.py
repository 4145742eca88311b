"""The HTTP service `unmask serve`: checks of files, camera sessions, keys, audit trail."""
