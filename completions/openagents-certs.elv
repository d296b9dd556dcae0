
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
            cand --key-type 'The kind of every key that is made'
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
        &'openagents-certs;help'= {
            cand generate 'Make the whole PKI of a network: a CA, a server pair, client pairs'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'openagents-certs;help;generate'= {
        }
        &'openagents-certs;help;help'= {
        }
    ]
    $completions[$command]
}
