#!/bin/sh
# lego gets a certificate from this CA by ACME. Renew it with `lego … renew`.
set -eu
export LEGO_CA_CERTIFICATES={{sh:absolute_ca}}
exec lego --accept-tos --email admin@example.org --http \
    --server {{sh:acme_url}} --domains {{sh:host}} "${@:-run}"
