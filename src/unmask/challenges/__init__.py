"""Active challenges: the server asks for something that only a head in front of this camera can do now."""
