"""The words of docs/claims_encoder.md that no figure changes."""

HEAD = """# Do the claims hold on a pretrained encoder?

Made by `python -m experiments.claims_encoder`; do not edit. The numbers are those of
`results/claims_encoder.csv`, `results/claims_encoder_networks.csv` and
`results/claims_encoder_runs.csv`. Every network here is trained on top of a frozen EfficientNet-Lite0 with
its ImageNet weights, as `sgtd_e` and `fghv_e` are; [the claims](claims.md) tries the same on networks that
begin from random weights.

A claim that is *not shown* cannot be decided with these sets; the last column says how many people, or
sources of real items, it would take.
"""

METHOD = """## How it was tried

**Sets** (`experiments/claims_encoder_sets.py`) are photographs as scenes ([simulator](simulator.md)):
recordings of five frames 0.1 s apart, half of them attacks. Each attack shows the photograph of a bona
fide recording and is recorded by the same camera. *An unseen domain* has a camera, a printer and displays
that train does not have; *three unseen instruments* are the photo print, the phone and the paper mask.
Train, dev and the tests share neither people nor rooms. *Real items* are the development items of [real
faces](real_faces.md), each whole and cut tight, without the one whose owner's photographs are in train;
photographs of the other owners of real items were left out of all sets. Networks of single frames score
the first frame of a simulated recording, a picture, or the mean of five frames of a real video.

**Trainings.** The encoder looked once at every frame of train, at its mirror image, and at every frame of
the tests, and its features were kept. Flips are therefore the only augmentation, while `sgtd_e.toml` and
`fghv_e.toml` also change brightness, cut squares out and compress. All other settings are those of the
two files, except for the number of steps and for what a claim is about. All variants of FAS-SGTD see the
same number of frames, and so do all variants of FGHV; both numbers stand in the last table. In stage 1,
which `sgtd_e.toml` does not have, the losses are the paper's (1 and 0.5); stage 2 begins with its frozen
blocks. Half of each batch is bona fide. The last weights are taken, without a moving average. FGHV's
score is whichever of FHVM, GHVM, the variance and 48 combinations of them is best on dev, as `unmask
fghv` chooses it. The linear head is that of `encoder.toml`, fitted to all frames of train; nothing in it
is random, so its seeds give equal results.

**Left out** are Auxiliary and CDCN, which are backbones of their own. The true depth of an attack
is here the plane of the print or display, or the relief of the mask.

**What the rest would take.** Recurrence, STPM and FAS-SGTD as a whole (four networks of clips on two
backbones), zero against true depth, and FGHV's depth head have variants in
`experiments/claims_encoder.py` and were not trained. At the rates of the last table, 0.34 CPU seconds a
step of stage 1 and 0.91 of stage 2, all claims of FAS-SGTD at the 36,000 frames that `sgtd_e.toml` sees
take three core hours a seed, nine for three seeds. On another machine with two busy cores a step of stage 1
on random maps of these shapes took 0.22 CPU seconds (mean of eight steps, the same day), and 0.12 with plain
convolutions. People are harder to get than core hours: with 73 to 80 of them, half an interval between two
networks of clips is 0.04 of AUC, so that a difference of 0.02 takes some 300 people in each test, and one of
0.01 some 1,200; the photographs at hand show 390 people. On [networks that begin from random
weights](claims.md) only STPM on unseen instruments shows more than 0.02. Between two variants of FGHV half an
interval is 0.008 to 0.03: a depth head that is worth 0.01 takes 50 to 650 people.

**Clips on real items** cannot be judged: six of the 114 items are videos, and one of these is an attack.
Networks of clips were not tried on them. On the unseen domain, 160 recordings give half an interval of 0.04
between a network of clips and the linear head, so that a difference of 0.05 would take some 120 real
videos, half of them attacks, of as many people and scenes, if real ones vary no more.

**Intervals** are bootstrap intervals of 95 %, as on the page of [the claims](claims.md): subjects, or
sources of real items, and seeds are drawn again; a difference is taken draw by draw. Where the last
table has one seed, the interval is over people alone and says nothing about how trainings differ; with two
seeds it says too little. Nothing was corrected for the number of claims: of twenty claims without any
effect, one is expected to leave 0 outside its interval.

**People needed** is the number of people, or sources, of this test times the square of half the interval
divided by the difference.

**Limits.** Trainings of FAS-SGTD have at most a hundred steps: a claim about it says how it begins. That
it is behind the linear head, which is fitted to its optimum, says nothing about a longer training. The
sets are small: photographs as scenes and not recordings of people, a frozen encoder, and maps of 28, 14
and 7 places a side resized to 32. What holds here need not hold for the papers' widths and data sets, nor
the other way round.
"""
