#!/bin/sh
# certbot gets a certificate from this CA by ACME, and renews it later (`certbot renew`).
set -eu
export REQUESTS_CA_BUNDLE={{sh:absolute_ca}}
exec certbot certonly --standalone --non-interactive --agree-tos --register-unsafely-without-email \
    --server {{sh:acme_url}} --domain {{sh:host}} "$@"
