
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
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'The kind of every key that is made')
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
        'certs;help' {
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Make the whole PKI of a network: a CA, a server pair, client pairs')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'certs;help;generate' {
            break
        }
        'certs;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
