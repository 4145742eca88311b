"""FAS-SGTD (CVPR 2020) and its blocks; OFF + ConvGRU uses them, too."""
