#!/bin/sh
# compare.t - how often intervals hold the truth, and how often equal sets are called different, over many distributions
. tests/lib.sh

holds 'numbers: 7 distributions, 6 sizes, 2,000 experiments each' "$B/unit/stat_resample 2000"
sed 's/^/# /' got
holds 'folded stacks: 4,000 experiments' "$B/unit/flow_compare_stacks 4000"
sed 's/^/# /' got

finish
