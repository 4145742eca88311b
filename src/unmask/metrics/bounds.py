"""What a sample can support: one-sided bounds of a rate, and how many presentations a promise needs.

A threshold that refuses all but the k highest of n scores is exceeded by a share of the population that
follows Beta(k + 1, n - k) (Wilks 1941), whatever the scores' distribution: the bound below holds for a
threshold that was chosen on the same n, as long as k was not.
"""

import math

from scipy.special import betaincinv

from unmask.types import DataError, SettingsError

CONFIDENCE = 0.95


def upper_bound(errors: int, count: int, *, confidence: float = CONFIDENCE) -> float:
    """The rate that is not exceeded, one-sided, after `errors` of `count` (Clopper and Pearson 1934).

    >>> round(upper_bound(0, 20), 3)  # 1 - 0.05 ** (1 / 20)
    0.139
    """
    if not 0 <= errors <= count:
        raise DataError(f"a bound needs 0 <= errors <= count, not {errors} of {count}")
    return 1.0 if errors == count else float(betaincinv(errors + 1, count - errors, confidence))


def errors_allowed(count: int, target: float, *, confidence: float = CONFIDENCE) -> int | None:
    """How many of `count` may go wrong with the bound still at or below `target`; None where not even none.

    >>> errors_allowed(20, 0.05), errors_allowed(59, 0.05), errors_allowed(93, 0.05)
    (None, 0, 1)
    """
    low, high = -1, count  # the bound rises with the errors: the last that holds, the first that does not
    while high - low > 1:
        middle = (low + high) // 2
        if upper_bound(middle, count, confidence=confidence) <= target:
            low = middle
        else:
            high = middle
    return low if low >= 0 else None


def captures_needed(target: float, *, confidence: float = CONFIDENCE) -> int:
    """The fewest presentations that, none of them wrong, hold the rate at or below `target`.

    >>> captures_needed(0.05), captures_needed(0.01), captures_needed(0.139)
    (59, 299, 21)
    """
    if not 0 < target < 1:
        raise SettingsError(f"a rate to be promised lies between 0 and 1, not {target:g}; 5 % is 0.05")
    count = max(1, math.floor(math.log(1 - confidence) / math.log1p(-target)) - 1)
    while upper_bound(0, count, confidence=confidence) > target:
        count += 1
    return count
