"""Video, images, cameras -> frames; faces -> tracks -> clips.

files     whole or not there: the atomic path that everything is written through
limits    what a source may cost
headers   what a picture file says of itself before it is decoded
images    picture files <-> (H, W, 3) uint8 RGB
encoding  pictures -> coded video, on disk and in memory
video     video files -> frames with their true times
sources   whatever can be checked -> frames
"""
