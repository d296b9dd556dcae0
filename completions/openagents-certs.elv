
use builtin;
use str;

set edit:completion:arg-completer[openagents-certs] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'openagents-certs'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'openagents-certs'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand generate 'Make the whole PKI of a network: a CA, a server pair, client pairs'
            cand ca 'Create and look after a certificate authority'
            cand issue 'Issue a certificate for a server, a client, or both'
            cand csr 'Make and sign PKCS #10 requests'
            cand verify 'Check whether certificates are good, and say what is wrong with them'
            cand inspect 'Show what is in certificates, keys, requests and revocation lists'
            cand list 'List the certificates that were issued, the one that expires first first'
            cand show 'Show one certificate that was issued, and what is known of it'
            cand template 'Show the profiles certificates are issued by, and the settings to change them'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;generate'= {
            cand -o 'Write to this directory (the same as -C)'
            cand --output 'Write to this directory (the same as -C)'
            cand --common-name 'The server''s first name [default: the host of --for, or localhost]; -cn for short'
            cand --san 'Another name of the server: a host, an IP address, a URI or an e-mail address'
            cand --for 'A URL the network will be dialled by: its host becomes a name of the server'
            cand --client 'Make a client pair too: NAME.crt and NAME.key'
            cand -d 'Valid for so many days [default: 365]'
            cand --days 'Valid for so many days [default: 365]'
            cand --ttl 'Valid for so long, such as 15m, 24h, 90d or 1y'
            cand --not-after 'Valid until this moment, such as 2027-01-31T00:00:00Z'
            cand --key-type 'The kind of every key that is made [default: p256]'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --mtls 'Make the pair ''client'' and print the configuration for mutual TLS'
            cand --force 'Replace pairs that are there (never the CA)'
            cand --new-ca 'Make a new CA though one is there; its files are kept under a dated name'
            cand --dry-run 'Show what would be made, and make nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;ca'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand init 'Create a root: ca.crt, ca.key and the inventory of what it will issue'
            cand intermediate 'Create a subordinate CA in a directory of its own, signed by the one in another'
            cand import 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS'
            cand show 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;ca;init'= {
            cand --common-name 'The common name [default: a name of its own for a CA]'
            cand --organization 'The organization'
            cand --organizational-unit 'The organizational unit'
            cand --country 'The country, as two capital letters'
            cand --state 'The state or province'
            cand --locality 'The locality'
            cand --ttl 'How long the root is valid [default: 10 years]'
            cand --key-type 'The kind of its key'
            cand --path-length 'How many CAs may follow below it [default: any number]'
            cand --permit-dns 'Issue only for this domain and those below it'
            cand --exclude-dns 'Never issue for this domain or those below it'
            cand --permit-ip 'Issue only for addresses of this network, such as 10.0.0.0/8'
            cand --exclude-ip 'Never issue for addresses of this network'
            cand --permit-uri 'Issue only for URIs of this host, or below it when it starts with a dot'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --passphrase 'Ask for a passphrase, twice, and encrypt the CA''s key with it'
            cand --dry-run 'Show what would be made, and make nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;ca;intermediate'= {
            cand --parent 'The directory of the CA that signs it'
            cand --common-name 'The common name [default: a name of its own for a CA]'
            cand --organization 'The organization'
            cand --organizational-unit 'The organizational unit'
            cand --country 'The country, as two capital letters'
            cand --state 'The state or province'
            cand --locality 'The locality'
            cand --ttl 'How long it is valid, within its issuer''s time'
            cand --key-type 'The kind of its key'
            cand --path-length 'How many CAs may follow below it'
            cand --permit-dns 'Issue only for this domain and those below it'
            cand --exclude-dns 'Never issue for this domain or those below it'
            cand --permit-ip 'Issue only for addresses of this network, such as 10.0.0.0/8'
            cand --exclude-ip 'Never issue for addresses of this network'
            cand --permit-uri 'Issue only for URIs of this host, or below it when it starts with a dot'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand --parent-passphrase-file 'Read the passphrase of the parent''s key from the first line of this file'
            cand --parent-passphrase-env 'Read the passphrase of the parent''s key from this environment variable'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --passphrase 'Ask for a passphrase, twice, and encrypt the CA''s key with it'
            cand --dry-run 'Show what would be made, and make nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;ca;import'= {
            cand --cert 'The CA''s certificate'
            cand --key 'Its private key [default: the ca.key in the directory]'
            cand --chain 'The certificates above it, up to the root'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --dry-run 'Check the CA, and take nothing in'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;ca;show'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;ca;help'= {
            cand init 'Create a root: ca.crt, ca.key and the inventory of what it will issue'
            cand intermediate 'Create a subordinate CA in a directory of its own, signed by the one in another'
            cand import 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS'
            cand show 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;ca;help;init'= {
        }
        &'openagents-certs;ca;help;intermediate'= {
        }
        &'openagents-certs;ca;help;import'= {
        }
        &'openagents-certs;ca;help;show'= {
        }
        &'openagents-certs;ca;help;help'= {
        }
        &'openagents-certs;issue'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand server 'Issue a server certificate'
            cand client 'Issue a client certificate'
            cand peer 'Issue a certificate that serves and dials'
            cand batch 'Issue the rows of a manifest: CSV, JSON lines or TOML'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;issue;server'= {
            cand --san 'Another name'
            cand --spiffe 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent'
            cand --csr 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for'
            cand --profile 'Issue by this profile of certs.toml instead'
            cand -d 'Valid for so many days [default: 365]'
            cand --days 'Valid for so many days [default: 365]'
            cand --ttl 'Valid for so long, such as 15m, 24h, 90d or 1y'
            cand --not-after 'Valid until this moment, such as 2027-01-31T00:00:00Z'
            cand --key-type 'The kind of its key [default: p256]'
            cand --out 'Write to this directory [default: the PKI directory]'
            cand --name 'Name the files BASE.crt and BASE.key [default: the first name]'
            cand --note 'What to say of it in the inventory'
            cand --ca-cert 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)'
            cand --ca-key 'The CA''s private key: FILE, env:NAME or -'
            cand --inventory 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --force 'Replace files that are there'
            cand --stdout 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
            cand --dry-run 'Show what would be issued, and issue nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;issue;client'= {
            cand --san 'Another name'
            cand --spiffe 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent'
            cand --csr 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for'
            cand --profile 'Issue by this profile of certs.toml instead'
            cand -d 'Valid for so many days [default: 365]'
            cand --days 'Valid for so many days [default: 365]'
            cand --ttl 'Valid for so long, such as 15m, 24h, 90d or 1y'
            cand --not-after 'Valid until this moment, such as 2027-01-31T00:00:00Z'
            cand --key-type 'The kind of its key [default: p256]'
            cand --out 'Write to this directory [default: the PKI directory]'
            cand --name 'Name the files BASE.crt and BASE.key [default: the first name]'
            cand --note 'What to say of it in the inventory'
            cand --ca-cert 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)'
            cand --ca-key 'The CA''s private key: FILE, env:NAME or -'
            cand --inventory 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --force 'Replace files that are there'
            cand --stdout 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
            cand --dry-run 'Show what would be issued, and issue nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;issue;peer'= {
            cand --san 'Another name'
            cand --spiffe 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent'
            cand --csr 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for'
            cand --profile 'Issue by this profile of certs.toml instead'
            cand -d 'Valid for so many days [default: 365]'
            cand --days 'Valid for so many days [default: 365]'
            cand --ttl 'Valid for so long, such as 15m, 24h, 90d or 1y'
            cand --not-after 'Valid until this moment, such as 2027-01-31T00:00:00Z'
            cand --key-type 'The kind of its key [default: p256]'
            cand --out 'Write to this directory [default: the PKI directory]'
            cand --name 'Name the files BASE.crt and BASE.key [default: the first name]'
            cand --note 'What to say of it in the inventory'
            cand --ca-cert 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)'
            cand --ca-key 'The CA''s private key: FILE, env:NAME or -'
            cand --inventory 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --force 'Replace files that are there'
            cand --stdout 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
            cand --dry-run 'Show what would be issued, and issue nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;issue;batch'= {
            cand --syntax 'How it is written [default: by its ending, JSON lines otherwise]'
            cand --out 'Write to this directory [default: the PKI directory]'
            cand --ca-cert 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)'
            cand --ca-key 'The CA''s private key: FILE, env:NAME or -'
            cand --inventory 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --stdout 'Write JSON lines with serial, certificate and private_key to standard output, and no files'
            cand --strict 'Issue nothing when any row is bad'
            cand --resume 'Skip the rows that an earlier run of the same manifest released'
            cand --dry-run 'Look at every row, and issue nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;issue;help'= {
            cand server 'Issue a server certificate'
            cand client 'Issue a client certificate'
            cand peer 'Issue a certificate that serves and dials'
            cand batch 'Issue the rows of a manifest: CSV, JSON lines or TOML'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;issue;help;server'= {
        }
        &'openagents-certs;issue;help;client'= {
        }
        &'openagents-certs;issue;help;peer'= {
        }
        &'openagents-certs;issue;help;batch'= {
        }
        &'openagents-certs;issue;help;help'= {
        }
        &'openagents-certs;csr'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand create 'Make a request for a certificate, with a new key or one that is there'
            cand sign 'Sign a request: a certificate for the key in it'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;csr;create'= {
            cand --san 'Another name'
            cand --common-name 'The common name [default: a name of its own for a CA]'
            cand --organization 'The organization'
            cand --organizational-unit 'The organizational unit'
            cand --country 'The country, as two capital letters'
            cand --state 'The state or province'
            cand --locality 'The locality'
            cand --key 'Take this private key instead of a new one'
            cand --key-type 'The kind of the new key'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand --out 'Write to this directory [default: the PKI directory with --ca, otherwise the working directory]'
            cand --name 'Name the files BASE.csr and BASE.key [default: the first name]'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --ca 'Ask for a CA''s certificate: makes ca.csr and ca.key in the PKI directory'
            cand --passphrase 'Ask for a passphrase, twice, and encrypt the CA''s key with it'
            cand --force 'Replace files that are there'
            cand --dry-run 'Show what would be made, and make nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;csr;sign'= {
            cand --profile 'The profile to sign it by'
            cand --san 'A name to grant'
            cand --spiffe 'The SPIFFE ID to grant'
            cand -d 'Valid for so many days [default: 365]'
            cand --days 'Valid for so many days [default: 365]'
            cand --ttl 'Valid for so long, such as 15m, 24h, 90d or 1y'
            cand --not-after 'Valid until this moment, such as 2027-01-31T00:00:00Z'
            cand --out 'Write to this directory [default: the PKI directory]'
            cand --name 'Name the files BASE.crt and BASE.key [default: the first name]'
            cand --note 'What to say of it in the inventory'
            cand --ca-cert 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)'
            cand --ca-key 'The CA''s private key: FILE, env:NAME or -'
            cand --inventory 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked'
            cand --passphrase-file 'Read the CA key''s passphrase from the first line of this file'
            cand --passphrase-env 'Read the CA key''s passphrase from this environment variable'
            cand --passphrase-fd 'Read the CA key''s passphrase from this file descriptor'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --force 'Replace files that are there'
            cand --stdout 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
            cand --dry-run 'Show what would be issued, and issue nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;csr;help'= {
            cand create 'Make a request for a certificate, with a new key or one that is there'
            cand sign 'Sign a request: a certificate for the key in it'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;csr;help;create'= {
        }
        &'openagents-certs;csr;help;sign'= {
        }
        &'openagents-certs;csr;help;help'= {
        }
        &'openagents-certs;verify'= {
            cand --ca 'The trust anchors [default: the ca.crt beside each file]'
            cand --untrusted 'Intermediates that are not in the certificate''s own file; repeat for more'
            cand --host 'The host name or address that is dialled'
            cand --purpose 'What the certificate is used for [default: server with --host, else any of them]'
            cand --profile 'How strictly rules are held to'
            cand --crl 'Revocation lists, PEM or DER; where any is given, the whole path is looked up; repeat for more'
            cand --key 'The private key that must belong to the certificate'
            cand --password-file 'The file whose first line is the password of the private key'
            cand --at 'Judge as of this moment instead of now'
            cand --expires-in 'Say no when less than this is left, such as 30d or 12h'
            cand --max-depth 'Say no when there are more intermediates than this, self-issued ones not counted'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --all-paths 'Show every candidate path as a tree'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;inspect'= {
            cand --password-file 'Open what is encrypted with the first line of this file'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --short 'Show five lines of each object'
            cand --pem 'Write each object as clean PEM, private keys left out'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;list'= {
            cand --expiring 'Only those that expire within so long from now, and are not revoked'
            cand --name 'Only those with this text in a name or in the common name'
            cand --status 'Only those that are this now'
            cand --profile 'Only those of this profile'
            cand --serial 'Only those whose serial number starts with these hex digits'
            cand --limit 'No more than so many'
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;show'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --pem 'Write the certificate itself, as PEM'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;template'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand list 'List the profiles, built-in and one''s own, and the files to start from'
            cand show 'Show what a profile comes to, or the file certs.toml with every setting explained'
            cand init 'Write a certs.toml with every setting explained and commented out'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;template;list'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;template;show'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;template;init'= {
            cand -C 'The PKI directory'
            cand --dir 'The PKI directory'
            cand --format 'Write text for people or JSON for programs'
            cand --color 'Use colours'
            cand --dry-run 'Show what would be written, and write nothing'
            cand --json 'The same as --format json'
            cand -q 'Say nothing but results and errors'
            cand --quiet 'Say nothing but results and errors'
            cand -v 'Say more'
            cand --verbose 'Say more'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'openagents-certs;template;help'= {
            cand list 'List the profiles, built-in and one''s own, and the files to start from'
            cand show 'Show what a profile comes to, or the file certs.toml with every setting explained'
            cand init 'Write a certs.toml with every setting explained and commented out'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;template;help;list'= {
        }
        &'openagents-certs;template;help;show'= {
        }
        &'openagents-certs;template;help;init'= {
        }
        &'openagents-certs;template;help;help'= {
        }
        &'openagents-certs;help'= {
            cand generate 'Make the whole PKI of a network: a CA, a server pair, client pairs'
            cand ca 'Create and look after a certificate authority'
            cand issue 'Issue a certificate for a server, a client, or both'
            cand csr 'Make and sign PKCS #10 requests'
            cand verify 'Check whether certificates are good, and say what is wrong with them'
            cand inspect 'Show what is in certificates, keys, requests and revocation lists'
            cand list 'List the certificates that were issued, the one that expires first first'
            cand show 'Show one certificate that was issued, and what is known of it'
            cand template 'Show the profiles certificates are issued by, and the settings to change them'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;help;generate'= {
        }
        &'openagents-certs;help;ca'= {
            cand init 'Create a root: ca.crt, ca.key and the inventory of what it will issue'
            cand intermediate 'Create a subordinate CA in a directory of its own, signed by the one in another'
            cand import 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS'
            cand show 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued'
        }
        &'openagents-certs;help;ca;init'= {
        }
        &'openagents-certs;help;ca;intermediate'= {
        }
        &'openagents-certs;help;ca;import'= {
        }
        &'openagents-certs;help;ca;show'= {
        }
        &'openagents-certs;help;issue'= {
            cand server 'Issue a server certificate'
            cand client 'Issue a client certificate'
            cand peer 'Issue a certificate that serves and dials'
            cand batch 'Issue the rows of a manifest: CSV, JSON lines or TOML'
        }
        &'openagents-certs;help;issue;server'= {
        }
        &'openagents-certs;help;issue;client'= {
        }
        &'openagents-certs;help;issue;peer'= {
        }
        &'openagents-certs;help;issue;batch'= {
        }
        &'openagents-certs;help;csr'= {
            cand create 'Make a request for a certificate, with a new key or one that is there'
            cand sign 'Sign a request: a certificate for the key in it'
        }
        &'openagents-certs;help;csr;create'= {
        }
        &'openagents-certs;help;csr;sign'= {
        }
        &'openagents-certs;help;verify'= {
        }
        &'openagents-certs;help;inspect'= {
        }
        &'openagents-certs;help;list'= {
        }
        &'openagents-certs;help;show'= {
        }
        &'openagents-certs;help;template'= {
            cand list 'List the profiles, built-in and one''s own, and the files to start from'
            cand show 'Show what a profile comes to, or the file certs.toml with every setting explained'
            cand init 'Write a certs.toml with every setting explained and commented out'
        }
        &'openagents-certs;help;template;list'= {
        }
        &'openagents-certs;help;template;show'= {
        }
        &'openagents-certs;help;template;init'= {
        }
        &'openagents-certs;help;help'= {
        }
    ]
    $completions[$command]
}
