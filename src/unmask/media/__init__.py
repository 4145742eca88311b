"""Video, images, cameras -> frames; faces -> tracks -> clips.

sources     whatever can be checked -> frames
video       video files and streams -> frames with their true times
images      picture files <-> (H, W, 3) uint8 RGB
hdf5        recordings of Idiap's data sets -> frames, depth
encoding    pictures -> coded video, on disk and in memory
given       whatever Python hands over -> a source
http        what a server gives, as a file
regular     only regular files are opened
pictures    picture files of every usual kind, by Pillow
tails       what stands behind the end of a picture
containers  whether a video file is all there
decoding    packets -> frames, strictly
patience    a file that is not read for ever
shown, hdr  how a decoded frame is meant to be seen
account     what became of the frames of a source
engine      OpenVINO without its telemetry
limits      what a source may cost
files       whole or not there: the path that everything is written through

assets      where the face models come from
detections  what the face detector says -> boxes
faces       frame -> faces
tracks      frames -> faces through time
clips       face through time -> clips; the only place that resizes
quality     what is wrong with a face, apart from the verdict
raster      mesh -> depth
"""
