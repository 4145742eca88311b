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

**What more would take.** At the rates of the last table, 0.4 CPU seconds a step of stage 1 and 0.9 of
stage 2 on two busy cores, all networks of FAS-SGTD at the 6,400 frames of this page take 0.6 core hours a
seed, and at the 36,000 frames that `sgtd_e.toml` sees some 3.3. People are harder to get than core hours:
with 73 to 80 of them, half an interval between two networks of clips is 0.01 to 0.05 of AUC, so that a
difference of 0.02 takes up to 400 people in each test, and one of 0.01 up to 1,600; the photographs of the
tests show 298 people. Between FGHV with and without a depth head half an interval is 0.013 to 0.015: a depth
head that is worth 0.01 takes 120 to 170 people.

**Clips on real items** cannot be judged: six of the 114 items are videos, and one of these is an attack.
Networks of clips were not tried on them. On the unseen domain, 160 recordings give half an interval of 0.035
between a network of clips and the linear head, so that a difference of 0.05 would take some 80 real
videos, half of them attacks, of as many people and scenes, if real ones vary no more.

**Intervals** are bootstrap intervals of 95 %, as on the page of [the claims](claims.md): subjects, or
sources of real items, and seeds are drawn again; a difference is taken draw by draw. Where the last
table has one seed, the interval is over people alone and says nothing about how trainings differ; with two
seeds it says too little. Nothing was corrected for the number of claims: of twenty claims without any
effect, one is expected to leave 0 outside its interval.

**People needed** is the number of people, or sources, of this test times the square of half the interval
divided by the difference.

**Limits.** Trainings of FAS-SGTD have 320 or 400 steps, four times those of an earlier run of this page, on
sets made by the same program, in which five frames were worse than one (0.763 and 0.809 on the unseen
domain) and residual gradients better than plain convolutions (0.746 and 0.668). The number of steps decides
more than most claims do: compare networks of equal length, and not with the linear head, which is fitted to
its optimum. The sets are small: photographs as scenes and not recordings of people, a frozen encoder, and
maps of 28, 14 and 7 places a side resized to 32. What holds here need not hold for the papers' widths and
data sets, nor the other way round.
"""
