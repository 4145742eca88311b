"""Scores -> error rates, in the words of ISO/IEC 30107-3.

A presentation is accepted when its score is finite and score >= threshold. A score that is not finite is
a non-response: an error for a bona fide presentation, no acceptance for an attack, and outside the AUC.
Rates are shares in [0, 1]. Empty inputs are errors (DataError); only `summarise`, which also serves tables
by column, gives NaN for a missing class.
"""

from unmask.metrics.columns import Columns, columns, over
from unmask.metrics.curves import Oracle, auc, bpcer_at_apcer, minimum_acer, tpr_at_fpr
from unmask.metrics.intervals import (
    BOOTSTRAP_ROUNDS,
    Estimate,
    Rate,
    RoundProgress,
    bootstrap,
    few_subjects,
    rate,
)
from unmask.metrics.paired import FIGURES, DrawnFigure, Trained, Verdict, figures, verdict
from unmask.metrics.ranked import Ranked, Scores, ranked
from unmask.metrics.rates import accepted, acer, apcer, apnrr, bpcer, bpnrr, families, hter
from unmask.metrics.summary import Summary, summarise
from unmask.metrics.thresholds import (
    RULES,
    Eer,
    ThresholdRule,
    eer,
    fit,
    read_rule,
    threshold_at_apcer,
    threshold_at_bpcer,
    threshold_at_eer,
)

__all__ = [
    "BOOTSTRAP_ROUNDS",
    "FIGURES",
    "RULES",
    "Columns",
    "DrawnFigure",
    "Eer",
    "Estimate",
    "Oracle",
    "Ranked",
    "Rate",
    "RoundProgress",
    "Scores",
    "Summary",
    "ThresholdRule",
    "Trained",
    "Verdict",
    "accepted",
    "acer",
    "apcer",
    "apnrr",
    "auc",
    "bootstrap",
    "bpcer",
    "bpcer_at_apcer",
    "bpnrr",
    "columns",
    "eer",
    "families",
    "few_subjects",
    "figures",
    "fit",
    "hter",
    "minimum_acer",
    "over",
    "ranked",
    "rate",
    "read_rule",
    "summarise",
    "threshold_at_apcer",
    "threshold_at_bpcer",
    "threshold_at_eer",
    "tpr_at_fpr",
    "verdict",
]
