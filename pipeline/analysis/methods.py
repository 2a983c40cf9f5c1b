"""Which statistics are used, which function computes each, and where it is published; for the report."""

from __future__ import annotations

from pipeline.analysis.results import Method

METHODS: tuple[Method, ...] = (
    Method(
        "wilson",
        "Wilson score interval",
        "statsmodels.stats.proportion.proportion_confint(method='wilson')",
        "E. B. Wilson, JASA 22, 1927",
    ),
    Method(
        "newcombe",
        "Newcombe's hybrid score interval for a difference of independent proportions",
        "statsmodels.stats.proportion.confint_proportions_2indep(method='newcomb')",
        "R. G. Newcombe, Statistics in Medicine 17, 1998",
    ),
    Method(
        "mcnemar",
        "McNemar's exact test, two-sided",
        "statsmodels.stats.contingency_tables.mcnemar(exact=True)",
        "Q. McNemar, Psychometrika 12, 1947",
    ),
    Method(
        "holm",
        "Holm's correction",
        "numpy, pipeline/analysis/multiplicity.py",
        "S. Holm, Scandinavian Journal of Statistics 6, 1979",
    ),
    Method(
        "t",
        "paired t-test and t-interval over seeds",
        "scipy.stats.ttest_1samp",
        "Student, Biometrika 6, 1908",
    ),
    Method(
        "log-t",
        "t-interval of logarithms over seeds, for ratios",
        "scipy.stats.ttest_1samp",
        "Student, Biometrika 6, 1908",
    ),
    Method(
        "two-way-bootstrap",
        "two-way (pigeonhole) bootstrap over seeds and images, percentile interval",
        "numpy, pipeline/analysis/two_way_bootstrap.py",
        "A. B. Owen, Annals of Applied Statistics 1, 2007",
    ),
    Method(
        "power",
        "images needed: variance components of seeds and images, power by the normal approximation",
        "numpy, pipeline/analysis/sample_size.py",
        "S. R. Searle, Linear Models, 1971; J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988",
    ),
    Method(
        "image-bootstrap",
        "bootstrap over images, percentile interval",
        "numpy, pipeline/analysis/classes.py",
        "B. Efron, Annals of Statistics 7, 1979",
    ),
    Method(
        "ece",
        "expected calibration error, 15 bins of equal width, or of equal mass",
        "numpy, pipeline/analysis/calibration.py",
        "C. Guo et al., ICML 2017; K. Nguyen and B. O'Connor, EMNLP 2015",
    ),
    Method("nll", "negative log-likelihood, nats", "sklearn.metrics.log_loss", "I. J. Good, JRSS B 14, 1952"),
    Method(
        "brier",
        "Brier score, summed over classes, 0 to 2",
        "sklearn.metrics.brier_score_loss",
        "G. W. Brier, Monthly Weather Review 78, 1950",
    ),
    Method(
        "temperature",
        "one temperature, fitted on validation",
        "scipy.optimize.minimize_scalar",
        "C. Guo et al., ICML 2017",
    ),
)
