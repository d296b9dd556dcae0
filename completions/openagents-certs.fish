# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_openagents_certs_global_optspecs
    string join \n C/dir= format= json q/quiet v/verbose color= h/help V/version
end

function __fish_openagents_certs_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_openagents_certs_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_openagents_certs_using_subcommand
    set -l cmd (__fish_openagents_certs_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "generate" -d 'Make the whole PKI of a network: a CA, a server pair, client pairs'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "ca" -d 'Create and look after a certificate authority'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "issue" -d 'Issue a certificate for a server, a client, or both'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "csr" -d 'Make and sign PKCS #10 requests'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "verify" -d 'Check whether certificates are good, and say what is wrong with them'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "inspect" -d 'Show what is in certificates, keys, requests and revocation lists'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "list" -d 'List the certificates that were issued, the one that expires first first'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "show" -d 'Show one certificate that was issued, and what is known of it'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "template" -d 'Show the profiles certificates are issued by, and the settings to change them'
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s o -l output -d 'Write to this directory (the same as -C)' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l common-name -d 'The server\'s first name [default: the host of --for, or localhost]; -cn for short' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l san -d 'Another name of the server: a host, an IP address, a URI or an e-mail address' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l for -d 'A URL the network will be dialled by: its host becomes a name of the server' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l client -d 'Make a client pair too: NAME.crt and NAME.key' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s d -l days -d 'Valid for so many days [default: 365]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l ttl -d 'Valid for so long, such as 15m, 24h, 90d or 1y' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l not-after -d 'Valid until this moment, such as 2027-01-31T00:00:00Z' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l key-type -d 'The kind of every key that is made [default: p256]' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l mtls -d 'Make the pair \'client\' and print the configuration for mutual TLS'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l force -d 'Replace pairs that are there (never the CA)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l new-ca -d 'Make a new CA though one is there; its files are kept under a dated name'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l dry-run -d 'Show what would be made, and make nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -f -a "init" -d 'Create a root: ca.crt, ca.key and the inventory of what it will issue'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -f -a "intermediate" -d 'Create a subordinate CA in a directory of its own, signed by the one in another'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -f -a "import" -d 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -f -a "show" -d 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and not __fish_seen_subcommand_from init intermediate import show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l common-name -d 'The common name [default: a name of its own for a CA]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l organization -d 'The organization' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l organizational-unit -d 'The organizational unit' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l country -d 'The country, as two capital letters' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l state -d 'The state or province' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l locality -d 'The locality' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l ttl -d 'How long the root is valid [default: 10 years]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l key-type -d 'The kind of its key' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l path-length -d 'How many CAs may follow below it [default: any number]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l permit-dns -d 'Issue only for this domain and those below it' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l exclude-dns -d 'Never issue for this domain or those below it' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l permit-ip -d 'Issue only for addresses of this network, such as 10.0.0.0/8' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l exclude-ip -d 'Never issue for addresses of this network' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l permit-uri -d 'Issue only for URIs of this host, or below it when it starts with a dot' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l passphrase -d 'Ask for a passphrase, twice, and encrypt the CA\'s key with it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l dry-run -d 'Show what would be made, and make nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from init" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l parent -d 'The directory of the CA that signs it' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l common-name -d 'The common name [default: a name of its own for a CA]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l organization -d 'The organization' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l organizational-unit -d 'The organizational unit' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l country -d 'The country, as two capital letters' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l state -d 'The state or province' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l locality -d 'The locality' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l ttl -d 'How long it is valid, within its issuer\'s time' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l key-type -d 'The kind of its key' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l path-length -d 'How many CAs may follow below it' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l permit-dns -d 'Issue only for this domain and those below it' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l exclude-dns -d 'Never issue for this domain or those below it' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l permit-ip -d 'Issue only for addresses of this network, such as 10.0.0.0/8' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l exclude-ip -d 'Never issue for addresses of this network' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l permit-uri -d 'Issue only for URIs of this host, or below it when it starts with a dot' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l parent-passphrase-file -d 'Read the passphrase of the parent\'s key from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l parent-passphrase-env -d 'Read the passphrase of the parent\'s key from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l passphrase -d 'Ask for a passphrase, twice, and encrypt the CA\'s key with it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l dry-run -d 'Show what would be made, and make nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from intermediate" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l cert -d 'The CA\'s certificate' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l key -d 'Its private key [default: the ca.key in the directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l chain -d 'The certificates above it, up to the root' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l dry-run -d 'Check the CA, and take nothing in'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "init" -d 'Create a root: ca.crt, ca.key and the inventory of what it will issue'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "intermediate" -d 'Create a subordinate CA in a directory of its own, signed by the one in another'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "import" -d 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand ca; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -f -a "server" -d 'Issue a server certificate'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -f -a "client" -d 'Issue a client certificate'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -f -a "peer" -d 'Issue a certificate that serves and dials'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -f -a "batch" -d 'Issue the rows of a manifest: CSV, JSON lines or TOML'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and not __fish_seen_subcommand_from server client peer batch help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l san -d 'Another name' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l spiffe -d 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l csr -d 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l profile -d 'Issue by this profile of certs.toml instead' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -s d -l days -d 'Valid for so many days [default: 365]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l ttl -d 'Valid for so long, such as 15m, 24h, 90d or 1y' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l not-after -d 'Valid until this moment, such as 2027-01-31T00:00:00Z' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l key-type -d 'The kind of its key [default: p256]' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l out -d 'Write to this directory [default: the PKI directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l name -d 'Name the files BASE.crt and BASE.key [default: the first name]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l note -d 'What to say of it in the inventory' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l ca-cert -d 'The CA\'s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l ca-key -d 'The CA\'s private key: FILE, env:NAME or -' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l inventory -d 'Record in this inventory; \'none\' records nothing, and what is issued can then neither be listed nor revoked' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l force -d 'Replace files that are there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l stdout -d 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l dry-run -d 'Show what would be issued, and issue nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from server" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l san -d 'Another name' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l spiffe -d 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l csr -d 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l profile -d 'Issue by this profile of certs.toml instead' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -s d -l days -d 'Valid for so many days [default: 365]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l ttl -d 'Valid for so long, such as 15m, 24h, 90d or 1y' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l not-after -d 'Valid until this moment, such as 2027-01-31T00:00:00Z' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l key-type -d 'The kind of its key [default: p256]' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l out -d 'Write to this directory [default: the PKI directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l name -d 'Name the files BASE.crt and BASE.key [default: the first name]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l note -d 'What to say of it in the inventory' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l ca-cert -d 'The CA\'s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l ca-key -d 'The CA\'s private key: FILE, env:NAME or -' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l inventory -d 'Record in this inventory; \'none\' records nothing, and what is issued can then neither be listed nor revoked' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l force -d 'Replace files that are there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l stdout -d 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l dry-run -d 'Show what would be issued, and issue nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from client" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l san -d 'Another name' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l spiffe -d 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l csr -d 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l profile -d 'Issue by this profile of certs.toml instead' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -s d -l days -d 'Valid for so many days [default: 365]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l ttl -d 'Valid for so long, such as 15m, 24h, 90d or 1y' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l not-after -d 'Valid until this moment, such as 2027-01-31T00:00:00Z' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l key-type -d 'The kind of its key [default: p256]' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l out -d 'Write to this directory [default: the PKI directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l name -d 'Name the files BASE.crt and BASE.key [default: the first name]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l note -d 'What to say of it in the inventory' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l ca-cert -d 'The CA\'s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l ca-key -d 'The CA\'s private key: FILE, env:NAME or -' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l inventory -d 'Record in this inventory; \'none\' records nothing, and what is issued can then neither be listed nor revoked' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l force -d 'Replace files that are there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l stdout -d 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l dry-run -d 'Show what would be issued, and issue nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from peer" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l syntax -d 'How it is written [default: by its ending, JSON lines otherwise]' -r -f -a "csv\t'A header line, then a line a row; several names in one field are separated by spaces'
jsonl\t'A JSON object a line'
toml\t'A `[[certificate]]` table a row'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l out -d 'Write to this directory [default: the PKI directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l ca-cert -d 'The CA\'s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l ca-key -d 'The CA\'s private key: FILE, env:NAME or -' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l inventory -d 'Record in this inventory; \'none\' records nothing, and what is issued can then neither be listed nor revoked' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l stdout -d 'Write JSON lines with serial, certificate and private_key to standard output, and no files'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l strict -d 'Issue nothing when any row is bad'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l resume -d 'Skip the rows that an earlier run of the same manifest released'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l dry-run -d 'Look at every row, and issue nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from batch" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from help" -f -a "server" -d 'Issue a server certificate'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from help" -f -a "client" -d 'Issue a client certificate'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from help" -f -a "peer" -d 'Issue a certificate that serves and dials'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from help" -f -a "batch" -d 'Issue the rows of a manifest: CSV, JSON lines or TOML'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand issue; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -f -a "create" -d 'Make a request for a certificate, with a new key or one that is there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -f -a "sign" -d 'Sign a request: a certificate for the key in it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and not __fish_seen_subcommand_from create sign help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l san -d 'Another name' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l common-name -d 'The common name [default: a name of its own for a CA]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l organization -d 'The organization' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l organizational-unit -d 'The organizational unit' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l country -d 'The country, as two capital letters' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l state -d 'The state or province' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l locality -d 'The locality' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l key -d 'Take this private key instead of a new one' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l key-type -d 'The kind of the new key' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l out -d 'Write to this directory [default: the PKI directory with --ca, otherwise the working directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l name -d 'Name the files BASE.csr and BASE.key [default: the first name]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l ca -d 'Ask for a CA\'s certificate: makes ca.csr and ca.key in the PKI directory'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l passphrase -d 'Ask for a passphrase, twice, and encrypt the CA\'s key with it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l force -d 'Replace files that are there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l dry-run -d 'Show what would be made, and make nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from create" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l profile -d 'The profile to sign it by' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l san -d 'A name to grant' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l spiffe -d 'The SPIFFE ID to grant' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -s d -l days -d 'Valid for so many days [default: 365]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l ttl -d 'Valid for so long, such as 15m, 24h, 90d or 1y' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l not-after -d 'Valid until this moment, such as 2027-01-31T00:00:00Z' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l out -d 'Write to this directory [default: the PKI directory]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l name -d 'Name the files BASE.crt and BASE.key [default: the first name]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l note -d 'What to say of it in the inventory' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l ca-cert -d 'The CA\'s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l ca-key -d 'The CA\'s private key: FILE, env:NAME or -' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l inventory -d 'Record in this inventory; \'none\' records nothing, and what is issued can then neither be listed nor revoked' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l passphrase-file -d 'Read the CA key\'s passphrase from the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l passphrase-env -d 'Read the CA key\'s passphrase from this environment variable' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l passphrase-fd -d 'Read the CA key\'s passphrase from this file descriptor' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l force -d 'Replace files that are there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l stdout -d 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l dry-run -d 'Show what would be issued, and issue nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from sign" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a request for a certificate, with a new key or one that is there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from help" -f -a "sign" -d 'Sign a request: a certificate for the key in it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand csr; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l ca -d 'The trust anchors [default: the ca.crt beside each file]' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l untrusted -d 'Intermediates that are not in the certificate\'s own file; repeat for more' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l host -d 'The host name or address that is dialled' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l purpose -d 'What the certificate is used for [default: server with --host, else any of them]' -r -f -a "server\t'serverAuth'
client\t'clientAuth'
peer\t'serverAuth and clientAuth: an agent that both dials and is dialled'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l profile -d 'How strictly rules are held to' -r -f -a "tls\t'What decides a TLS connection is an error, the rest a warning'
rfc5280\t'Every MUST of RFC 5280 is an error'
webpki\t'RFC 5280 and the CA/Browser Forum\'s Baseline Requirements'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l crl -d 'Revocation lists, PEM or DER; where any is given, the whole path is looked up; repeat for more' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l key -d 'The private key that must belong to the certificate' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l password-file -d 'The file whose first line is the password of the private key' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l at -d 'Judge as of this moment instead of now' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l expires-in -d 'Say no when less than this is left, such as 30d or 12h' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l max-depth -d 'Say no when there are more intermediates than this, self-issued ones not counted' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l all-paths -d 'Show every candidate path as a tree'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand verify" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -l password-file -d 'Open what is encrypted with the first line of this file' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -l short -d 'Show five lines of each object'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -l pem -d 'Write each object as clean PEM, private keys left out'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand inspect" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l expiring -d 'Only those that expire within so long from now, and are not revoked' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l name -d 'Only those with this text in a name or in the common name' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l status -d 'Only those that are this now' -r -f -a "valid\t'Neither revoked nor outside its validity'
revoked\t'Revoked, whether or not it has expired since'
expired\t'Past its notAfter'
not-yet-valid\t'Before its notBefore: a clock is wrong, here or where it was issued'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l profile -d 'Only those of this profile' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l serial -d 'Only those whose serial number starts with these hex digits' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l limit -d 'No more than so many' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand list" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -l pem -d 'Write the certificate itself, as PEM'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand show" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -f -a "list" -d 'List the profiles, built-in and one\'s own, and the files to start from'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -f -a "show" -d 'Show what a profile comes to, or the file certs.toml with every setting explained'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -f -a "init" -d 'Write a certs.toml with every setting explained and commented out'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and not __fish_seen_subcommand_from list show init help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -s C -l dir -d 'The PKI directory' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -l dry-run -d 'Show what would be written, and write nothing'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -l json -d 'The same as --format json'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Say nothing but results and errors'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Say more'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from init" -s V -l version -d 'Print version'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the profiles, built-in and one\'s own, and the files to start from'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what a profile comes to, or the file certs.toml with every setting explained'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "init" -d 'Write a certs.toml with every setting explained and commented out'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "generate" -d 'Make the whole PKI of a network: a CA, a server pair, client pairs'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "ca" -d 'Create and look after a certificate authority'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "issue" -d 'Issue a certificate for a server, a client, or both'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "csr" -d 'Make and sign PKCS #10 requests'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "verify" -d 'Check whether certificates are good, and say what is wrong with them'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "inspect" -d 'Show what is in certificates, keys, requests and revocation lists'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "list" -d 'List the certificates that were issued, the one that expires first first'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "show" -d 'Show one certificate that was issued, and what is known of it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "template" -d 'Show the profiles certificates are issued by, and the settings to change them'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate ca issue csr verify inspect list show template help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "init" -d 'Create a root: ca.crt, ca.key and the inventory of what it will issue'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "intermediate" -d 'Create a subordinate CA in a directory of its own, signed by the one in another'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "import" -d 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from ca" -f -a "show" -d 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from issue" -f -a "server" -d 'Issue a server certificate'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from issue" -f -a "client" -d 'Issue a client certificate'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from issue" -f -a "peer" -d 'Issue a certificate that serves and dials'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from issue" -f -a "batch" -d 'Issue the rows of a manifest: CSV, JSON lines or TOML'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from csr" -f -a "create" -d 'Make a request for a certificate, with a new key or one that is there'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from csr" -f -a "sign" -d 'Sign a request: a certificate for the key in it'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "list" -d 'List the profiles, built-in and one\'s own, and the files to start from'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "show" -d 'Show what a profile comes to, or the file certs.toml with every setting explained'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "init" -d 'Write a certs.toml with every setting explained and commented out'
