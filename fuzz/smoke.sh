#!/bin/sh
# Runs each fuzz target for some seconds: fuzz/smoke.sh [SECONDS], 10 by default. Needs cargo-fuzz;
# builds on stable, for RUSTC_BOOTSTRAP lets it through. Ends at the first target that fails.
set -eu
cd "$(dirname "$0")/.."
for target in pem certificate csr crl key pkcs12 chain port network envelope jwe http_request acme est ocsp; do
    mkdir -p "fuzz/corpus/$target"
    RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="${1:-10}" -max_len=65536 -timeout=5 -rss_limit_mb=512 -verbosity=0 -print_final_stats=1
done
