
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'certs' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'certs'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'certs' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Make the whole PKI of a network: a CA, a server pair, client pairs')
            [CompletionResult]::new('ca', 'ca', [CompletionResultType]::ParameterValue, 'Create and look after a certificate authority')
            [CompletionResult]::new('issue', 'issue', [CompletionResultType]::ParameterValue, 'Issue a certificate for a server, a client, or both')
            [CompletionResult]::new('csr', 'csr', [CompletionResultType]::ParameterValue, 'Make and sign PKCS #10 requests')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check whether certificates are good, and say what is wrong with them')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show what is in certificates, keys, requests and revocation lists')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the certificates that were issued, the one that expires first first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one certificate that was issued, and what is known of it')
            [CompletionResult]::new('template', 'template', [CompletionResultType]::ParameterValue, 'Show the profiles certificates are issued by, and the settings to change them')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;generate' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this directory (the same as -C)')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this directory (the same as -C)')
            [CompletionResult]::new('--common-name', '--common-name', [CompletionResultType]::ParameterName, 'The server''s first name [default: the host of --for, or localhost]; -cn for short')
            [CompletionResult]::new('--san', '--san', [CompletionResultType]::ParameterName, 'Another name of the server: a host, an IP address, a URI or an e-mail address')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'A URL the network will be dialled by: its host becomes a name of the server')
            [CompletionResult]::new('--client', '--client', [CompletionResultType]::ParameterName, 'Make a client pair too: NAME.crt and NAME.key')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Valid for so long, such as 15m, 24h, 90d or 1y')
            [CompletionResult]::new('--not-after', '--not-after', [CompletionResultType]::ParameterName, 'Valid until this moment, such as 2027-01-31T00:00:00Z')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of every key that is made [default: p256]')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--mtls', '--mtls', [CompletionResultType]::ParameterName, 'Make the pair ''client'' and print the configuration for mutual TLS')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace pairs that are there (never the CA)')
            [CompletionResult]::new('--new-ca', '--new-ca', [CompletionResultType]::ParameterName, 'Make a new CA though one is there; its files are kept under a dated name')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be made, and make nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;ca' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Create a root: ca.crt, ca.key and the inventory of what it will issue')
            [CompletionResult]::new('intermediate', 'intermediate', [CompletionResultType]::ParameterValue, 'Create a subordinate CA in a directory of its own, signed by the one in another')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;ca;init' {
            [CompletionResult]::new('--common-name', '--common-name', [CompletionResultType]::ParameterName, 'The common name [default: a name of its own for a CA]')
            [CompletionResult]::new('--organization', '--organization', [CompletionResultType]::ParameterName, 'The organization')
            [CompletionResult]::new('--organizational-unit', '--organizational-unit', [CompletionResultType]::ParameterName, 'The organizational unit')
            [CompletionResult]::new('--country', '--country', [CompletionResultType]::ParameterName, 'The country, as two capital letters')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'The state or province')
            [CompletionResult]::new('--locality', '--locality', [CompletionResultType]::ParameterName, 'The locality')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'How long the root is valid [default: 10 years]')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of its key')
            [CompletionResult]::new('--path-length', '--path-length', [CompletionResultType]::ParameterName, 'How many CAs may follow below it [default: any number]')
            [CompletionResult]::new('--permit-dns', '--permit-dns', [CompletionResultType]::ParameterName, 'Issue only for this domain and those below it')
            [CompletionResult]::new('--exclude-dns', '--exclude-dns', [CompletionResultType]::ParameterName, 'Never issue for this domain or those below it')
            [CompletionResult]::new('--permit-ip', '--permit-ip', [CompletionResultType]::ParameterName, 'Issue only for addresses of this network, such as 10.0.0.0/8')
            [CompletionResult]::new('--exclude-ip', '--exclude-ip', [CompletionResultType]::ParameterName, 'Never issue for addresses of this network')
            [CompletionResult]::new('--permit-uri', '--permit-uri', [CompletionResultType]::ParameterName, 'Issue only for URIs of this host, or below it when it starts with a dot')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--passphrase', '--passphrase', [CompletionResultType]::ParameterName, 'Ask for a passphrase, twice, and encrypt the CA''s key with it')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be made, and make nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;ca;intermediate' {
            [CompletionResult]::new('--parent', '--parent', [CompletionResultType]::ParameterName, 'The directory of the CA that signs it')
            [CompletionResult]::new('--common-name', '--common-name', [CompletionResultType]::ParameterName, 'The common name [default: a name of its own for a CA]')
            [CompletionResult]::new('--organization', '--organization', [CompletionResultType]::ParameterName, 'The organization')
            [CompletionResult]::new('--organizational-unit', '--organizational-unit', [CompletionResultType]::ParameterName, 'The organizational unit')
            [CompletionResult]::new('--country', '--country', [CompletionResultType]::ParameterName, 'The country, as two capital letters')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'The state or province')
            [CompletionResult]::new('--locality', '--locality', [CompletionResultType]::ParameterName, 'The locality')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'How long it is valid, within its issuer''s time')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of its key')
            [CompletionResult]::new('--path-length', '--path-length', [CompletionResultType]::ParameterName, 'How many CAs may follow below it')
            [CompletionResult]::new('--permit-dns', '--permit-dns', [CompletionResultType]::ParameterName, 'Issue only for this domain and those below it')
            [CompletionResult]::new('--exclude-dns', '--exclude-dns', [CompletionResultType]::ParameterName, 'Never issue for this domain or those below it')
            [CompletionResult]::new('--permit-ip', '--permit-ip', [CompletionResultType]::ParameterName, 'Issue only for addresses of this network, such as 10.0.0.0/8')
            [CompletionResult]::new('--exclude-ip', '--exclude-ip', [CompletionResultType]::ParameterName, 'Never issue for addresses of this network')
            [CompletionResult]::new('--permit-uri', '--permit-uri', [CompletionResultType]::ParameterName, 'Issue only for URIs of this host, or below it when it starts with a dot')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('--parent-passphrase-file', '--parent-passphrase-file', [CompletionResultType]::ParameterName, 'Read the passphrase of the parent''s key from the first line of this file')
            [CompletionResult]::new('--parent-passphrase-env', '--parent-passphrase-env', [CompletionResultType]::ParameterName, 'Read the passphrase of the parent''s key from this environment variable')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--passphrase', '--passphrase', [CompletionResultType]::ParameterName, 'Ask for a passphrase, twice, and encrypt the CA''s key with it')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be made, and make nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;ca;import' {
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'The CA''s certificate')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Its private key [default: the ca.key in the directory]')
            [CompletionResult]::new('--chain', '--chain', [CompletionResultType]::ParameterName, 'The certificates above it, up to the root')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Check the CA, and take nothing in')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;ca;show' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;ca;help' {
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Create a root: ca.crt, ca.key and the inventory of what it will issue')
            [CompletionResult]::new('intermediate', 'intermediate', [CompletionResultType]::ParameterValue, 'Create a subordinate CA in a directory of its own, signed by the one in another')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;ca;help;init' {
            break
        }
        'certs;ca;help;intermediate' {
            break
        }
        'certs;ca;help;import' {
            break
        }
        'certs;ca;help;show' {
            break
        }
        'certs;ca;help;help' {
            break
        }
        'certs;issue' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Issue a server certificate')
            [CompletionResult]::new('client', 'client', [CompletionResultType]::ParameterValue, 'Issue a client certificate')
            [CompletionResult]::new('peer', 'peer', [CompletionResultType]::ParameterValue, 'Issue a certificate that serves and dials')
            [CompletionResult]::new('batch', 'batch', [CompletionResultType]::ParameterValue, 'Issue the rows of a manifest: CSV, JSON lines or TOML')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;issue;server' {
            [CompletionResult]::new('--san', '--san', [CompletionResultType]::ParameterName, 'Another name')
            [CompletionResult]::new('--spiffe', '--spiffe', [CompletionResultType]::ParameterName, 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent')
            [CompletionResult]::new('--csr', '--csr', [CompletionResultType]::ParameterName, 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Issue by this profile of certs.toml instead')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Valid for so long, such as 15m, 24h, 90d or 1y')
            [CompletionResult]::new('--not-after', '--not-after', [CompletionResultType]::ParameterName, 'Valid until this moment, such as 2027-01-31T00:00:00Z')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of its key [default: p256]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write to this directory [default: the PKI directory]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name the files BASE.crt and BASE.key [default: the first name]')
            [CompletionResult]::new('--note', '--note', [CompletionResultType]::ParameterName, 'What to say of it in the inventory')
            [CompletionResult]::new('--ca-cert', '--ca-cert', [CompletionResultType]::ParameterName, 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)')
            [CompletionResult]::new('--ca-key', '--ca-key', [CompletionResultType]::ParameterName, 'The CA''s private key: FILE, env:NAME or -')
            [CompletionResult]::new('--inventory', '--inventory', [CompletionResultType]::ParameterName, 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that are there')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be issued, and issue nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;issue;client' {
            [CompletionResult]::new('--san', '--san', [CompletionResultType]::ParameterName, 'Another name')
            [CompletionResult]::new('--spiffe', '--spiffe', [CompletionResultType]::ParameterName, 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent')
            [CompletionResult]::new('--csr', '--csr', [CompletionResultType]::ParameterName, 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Issue by this profile of certs.toml instead')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Valid for so long, such as 15m, 24h, 90d or 1y')
            [CompletionResult]::new('--not-after', '--not-after', [CompletionResultType]::ParameterName, 'Valid until this moment, such as 2027-01-31T00:00:00Z')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of its key [default: p256]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write to this directory [default: the PKI directory]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name the files BASE.crt and BASE.key [default: the first name]')
            [CompletionResult]::new('--note', '--note', [CompletionResultType]::ParameterName, 'What to say of it in the inventory')
            [CompletionResult]::new('--ca-cert', '--ca-cert', [CompletionResultType]::ParameterName, 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)')
            [CompletionResult]::new('--ca-key', '--ca-key', [CompletionResultType]::ParameterName, 'The CA''s private key: FILE, env:NAME or -')
            [CompletionResult]::new('--inventory', '--inventory', [CompletionResultType]::ParameterName, 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that are there')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be issued, and issue nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;issue;peer' {
            [CompletionResult]::new('--san', '--san', [CompletionResultType]::ParameterName, 'Another name')
            [CompletionResult]::new('--spiffe', '--spiffe', [CompletionResultType]::ParameterName, 'The SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent')
            [CompletionResult]::new('--csr', '--csr', [CompletionResultType]::ParameterName, 'Issue for the key of this PKCS #10 request; only the names given here are granted, or without any those it asks for')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Issue by this profile of certs.toml instead')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Valid for so long, such as 15m, 24h, 90d or 1y')
            [CompletionResult]::new('--not-after', '--not-after', [CompletionResultType]::ParameterName, 'Valid until this moment, such as 2027-01-31T00:00:00Z')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of its key [default: p256]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write to this directory [default: the PKI directory]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name the files BASE.crt and BASE.key [default: the first name]')
            [CompletionResult]::new('--note', '--note', [CompletionResultType]::ParameterName, 'What to say of it in the inventory')
            [CompletionResult]::new('--ca-cert', '--ca-cert', [CompletionResultType]::ParameterName, 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)')
            [CompletionResult]::new('--ca-key', '--ca-key', [CompletionResultType]::ParameterName, 'The CA''s private key: FILE, env:NAME or -')
            [CompletionResult]::new('--inventory', '--inventory', [CompletionResultType]::ParameterName, 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that are there')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be issued, and issue nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;issue;batch' {
            [CompletionResult]::new('--syntax', '--syntax', [CompletionResultType]::ParameterName, 'How it is written [default: by its ending, JSON lines otherwise]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write to this directory [default: the PKI directory]')
            [CompletionResult]::new('--ca-cert', '--ca-cert', [CompletionResultType]::ParameterName, 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)')
            [CompletionResult]::new('--ca-key', '--ca-key', [CompletionResultType]::ParameterName, 'The CA''s private key: FILE, env:NAME or -')
            [CompletionResult]::new('--inventory', '--inventory', [CompletionResultType]::ParameterName, 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'Write JSON lines with serial, certificate and private_key to standard output, and no files')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Issue nothing when any row is bad')
            [CompletionResult]::new('--resume', '--resume', [CompletionResultType]::ParameterName, 'Skip the rows that an earlier run of the same manifest released')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Look at every row, and issue nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;issue;help' {
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Issue a server certificate')
            [CompletionResult]::new('client', 'client', [CompletionResultType]::ParameterValue, 'Issue a client certificate')
            [CompletionResult]::new('peer', 'peer', [CompletionResultType]::ParameterValue, 'Issue a certificate that serves and dials')
            [CompletionResult]::new('batch', 'batch', [CompletionResultType]::ParameterValue, 'Issue the rows of a manifest: CSV, JSON lines or TOML')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;issue;help;server' {
            break
        }
        'certs;issue;help;client' {
            break
        }
        'certs;issue;help;peer' {
            break
        }
        'certs;issue;help;batch' {
            break
        }
        'certs;issue;help;help' {
            break
        }
        'certs;csr' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a request for a certificate, with a new key or one that is there')
            [CompletionResult]::new('sign', 'sign', [CompletionResultType]::ParameterValue, 'Sign a request: a certificate for the key in it')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;csr;create' {
            [CompletionResult]::new('--san', '--san', [CompletionResultType]::ParameterName, 'Another name')
            [CompletionResult]::new('--common-name', '--common-name', [CompletionResultType]::ParameterName, 'The common name [default: a name of its own for a CA]')
            [CompletionResult]::new('--organization', '--organization', [CompletionResultType]::ParameterName, 'The organization')
            [CompletionResult]::new('--organizational-unit', '--organizational-unit', [CompletionResultType]::ParameterName, 'The organizational unit')
            [CompletionResult]::new('--country', '--country', [CompletionResultType]::ParameterName, 'The country, as two capital letters')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'The state or province')
            [CompletionResult]::new('--locality', '--locality', [CompletionResultType]::ParameterName, 'The locality')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Take this private key instead of a new one')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of the new key')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write to this directory [default: the PKI directory with --ca, otherwise the working directory]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name the files BASE.csr and BASE.key [default: the first name]')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'Ask for a CA''s certificate: makes ca.csr and ca.key in the PKI directory')
            [CompletionResult]::new('--passphrase', '--passphrase', [CompletionResultType]::ParameterName, 'Ask for a passphrase, twice, and encrypt the CA''s key with it')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that are there')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be made, and make nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;csr;sign' {
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The profile to sign it by')
            [CompletionResult]::new('--san', '--san', [CompletionResultType]::ParameterName, 'A name to grant')
            [CompletionResult]::new('--spiffe', '--spiffe', [CompletionResultType]::ParameterName, 'The SPIFFE ID to grant')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--days', '--days', [CompletionResultType]::ParameterName, 'Valid for so many days [default: 365]')
            [CompletionResult]::new('--ttl', '--ttl', [CompletionResultType]::ParameterName, 'Valid for so long, such as 15m, 24h, 90d or 1y')
            [CompletionResult]::new('--not-after', '--not-after', [CompletionResultType]::ParameterName, 'Valid until this moment, such as 2027-01-31T00:00:00Z')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write to this directory [default: the PKI directory]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name the files BASE.crt and BASE.key [default: the first name]')
            [CompletionResult]::new('--note', '--note', [CompletionResultType]::ParameterName, 'What to say of it in the inventory')
            [CompletionResult]::new('--ca-cert', '--ca-cert', [CompletionResultType]::ParameterName, 'The CA''s certificate, when it is not in the PKI directory: FILE, env:NAME (PEM or base64 of it) or - (stdin)')
            [CompletionResult]::new('--ca-key', '--ca-key', [CompletionResultType]::ParameterName, 'The CA''s private key: FILE, env:NAME or -')
            [CompletionResult]::new('--inventory', '--inventory', [CompletionResultType]::ParameterName, 'Record in this inventory; ''none'' records nothing, and what is issued can then neither be listed nor revoked')
            [CompletionResult]::new('--passphrase-file', '--passphrase-file', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from the first line of this file')
            [CompletionResult]::new('--passphrase-env', '--passphrase-env', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this environment variable')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the CA key''s passphrase from this file descriptor')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace files that are there')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'Write certificate and key to standard output as one PEM text, and nothing to disk but the inventory')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be issued, and issue nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;csr;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a request for a certificate, with a new key or one that is there')
            [CompletionResult]::new('sign', 'sign', [CompletionResultType]::ParameterValue, 'Sign a request: a certificate for the key in it')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;csr;help;create' {
            break
        }
        'certs;csr;help;sign' {
            break
        }
        'certs;csr;help;help' {
            break
        }
        'certs;verify' {
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'The trust anchors [default: the ca.crt beside each file]')
            [CompletionResult]::new('--untrusted', '--untrusted', [CompletionResultType]::ParameterName, 'Intermediates that are not in the certificate''s own file; repeat for more')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The host name or address that is dialled')
            [CompletionResult]::new('--purpose', '--purpose', [CompletionResultType]::ParameterName, 'What the certificate is used for [default: server with --host, else any of them]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'How strictly rules are held to')
            [CompletionResult]::new('--crl', '--crl', [CompletionResultType]::ParameterName, 'Revocation lists, PEM or DER; where any is given, the whole path is looked up; repeat for more')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The private key that must belong to the certificate')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'The file whose first line is the password of the private key')
            [CompletionResult]::new('--at', '--at', [CompletionResultType]::ParameterName, 'Judge as of this moment instead of now')
            [CompletionResult]::new('--expires-in', '--expires-in', [CompletionResultType]::ParameterName, 'Say no when less than this is left, such as 30d or 12h')
            [CompletionResult]::new('--max-depth', '--max-depth', [CompletionResultType]::ParameterName, 'Say no when there are more intermediates than this, self-issued ones not counted')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--all-paths', '--all-paths', [CompletionResultType]::ParameterName, 'Show every candidate path as a tree')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;inspect' {
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Open what is encrypted with the first line of this file')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--short', '--short', [CompletionResultType]::ParameterName, 'Show five lines of each object')
            [CompletionResult]::new('--pem', '--pem', [CompletionResultType]::ParameterName, 'Write each object as clean PEM, private keys left out')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;list' {
            [CompletionResult]::new('--expiring', '--expiring', [CompletionResultType]::ParameterName, 'Only those that expire within so long from now, and are not revoked')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Only those with this text in a name or in the common name')
            [CompletionResult]::new('--status', '--status', [CompletionResultType]::ParameterName, 'Only those that are this now')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Only those of this profile')
            [CompletionResult]::new('--serial', '--serial', [CompletionResultType]::ParameterName, 'Only those whose serial number starts with these hex digits')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'No more than so many')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;show' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--pem', '--pem', [CompletionResultType]::ParameterName, 'Write the certificate itself, as PEM')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;template' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the profiles, built-in and one''s own, and the files to start from')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what a profile comes to, or the file certs.toml with every setting explained')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a certs.toml with every setting explained and commented out')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;template;list' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;template;show' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;template;init' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'The PKI directory')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Write text for people or JSON for programs')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Use colours')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would be written, and write nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'The same as --format json')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'certs;template;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the profiles, built-in and one''s own, and the files to start from')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what a profile comes to, or the file certs.toml with every setting explained')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a certs.toml with every setting explained and commented out')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;template;help;list' {
            break
        }
        'certs;template;help;show' {
            break
        }
        'certs;template;help;init' {
            break
        }
        'certs;template;help;help' {
            break
        }
        'certs;help' {
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Make the whole PKI of a network: a CA, a server pair, client pairs')
            [CompletionResult]::new('ca', 'ca', [CompletionResultType]::ParameterValue, 'Create and look after a certificate authority')
            [CompletionResult]::new('issue', 'issue', [CompletionResultType]::ParameterValue, 'Issue a certificate for a server, a client, or both')
            [CompletionResult]::new('csr', 'csr', [CompletionResultType]::ParameterValue, 'Make and sign PKCS #10 requests')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check whether certificates are good, and say what is wrong with them')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Show what is in certificates, keys, requests and revocation lists')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the certificates that were issued, the one that expires first first')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show one certificate that was issued, and what is known of it')
            [CompletionResult]::new('template', 'template', [CompletionResultType]::ParameterValue, 'Show the profiles certificates are issued by, and the settings to change them')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;help;generate' {
            break
        }
        'certs;help;ca' {
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Create a root: ca.crt, ca.key and the inventory of what it will issue')
            [CompletionResult]::new('intermediate', 'intermediate', [CompletionResultType]::ParameterValue, 'Create a subordinate CA in a directory of its own, signed by the one in another')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Take in a CA that another program made: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what the CA is: identity, expiry, constraints, key, and how much it has issued')
            break
        }
        'certs;help;ca;init' {
            break
        }
        'certs;help;ca;intermediate' {
            break
        }
        'certs;help;ca;import' {
            break
        }
        'certs;help;ca;show' {
            break
        }
        'certs;help;issue' {
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Issue a server certificate')
            [CompletionResult]::new('client', 'client', [CompletionResultType]::ParameterValue, 'Issue a client certificate')
            [CompletionResult]::new('peer', 'peer', [CompletionResultType]::ParameterValue, 'Issue a certificate that serves and dials')
            [CompletionResult]::new('batch', 'batch', [CompletionResultType]::ParameterValue, 'Issue the rows of a manifest: CSV, JSON lines or TOML')
            break
        }
        'certs;help;issue;server' {
            break
        }
        'certs;help;issue;client' {
            break
        }
        'certs;help;issue;peer' {
            break
        }
        'certs;help;issue;batch' {
            break
        }
        'certs;help;csr' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a request for a certificate, with a new key or one that is there')
            [CompletionResult]::new('sign', 'sign', [CompletionResultType]::ParameterValue, 'Sign a request: a certificate for the key in it')
            break
        }
        'certs;help;csr;create' {
            break
        }
        'certs;help;csr;sign' {
            break
        }
        'certs;help;verify' {
            break
        }
        'certs;help;inspect' {
            break
        }
        'certs;help;list' {
            break
        }
        'certs;help;show' {
            break
        }
        'certs;help;template' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the profiles, built-in and one''s own, and the files to start from')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what a profile comes to, or the file certs.toml with every setting explained')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a certs.toml with every setting explained and commented out')
            break
        }
        'certs;help;template;list' {
            break
        }
        'certs;help;template;show' {
            break
        }
        'certs;help;template;init' {
            break
        }
        'certs;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
