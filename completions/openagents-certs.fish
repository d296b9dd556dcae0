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
complete -c openagents-certs -n "__fish_openagents_certs_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s o -l output -d 'Write to this directory (the same as -C)' -r -F
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l common-name -d 'The server\'s first name [default: the host of --for, or localhost]; -cn for short' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l san -d 'Another name of the server: a host, an IP address, a URI or an e-mail address' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l for -d 'A URL the network will be dialled by: its host becomes a name of the server' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l client -d 'Make a client pair too: NAME.crt and NAME.key' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -s d -l days -d 'Valid for so many days [default: 365]' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l ttl -d 'Valid for so long, such as 15m, 24h, 90d or 1y' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l not-after -d 'Valid until this moment, such as 2027-01-31T00:00:00Z' -r
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand generate" -l key-type -d 'The kind of every key that is made' -r -f -a "p256\t'ECDSA on NIST P-256'
p384\t'ECDSA on NIST P-384'
ed25519\t'Ed25519 (RFC 8032): small and fast, but grpc-core cannot use it'
rsa-2048\t'RSA with a modulus of 2048 bits'
rsa-3072\t'RSA with a modulus of 3072 bits'
rsa-4096\t'RSA with a modulus of 4096 bits'"
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
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate help" -f -a "generate" -d 'Make the whole PKI of a network: a CA, a server pair, client pairs'
complete -c openagents-certs -n "__fish_openagents_certs_using_subcommand help; and not __fish_seen_subcommand_from generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
