"""The HTTP service `unmask serve`: checks of files, sessions in front of a camera, keys and an audit trail."""
