# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_certs_global_optspecs
    string join \n C/dir= format= json q/quiet v/verbose color= h/help V/version
end

function __fish_certs_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_certs_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_certs_using_subcommand
    set -l cmd (__fish_certs_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c certs -n "__fish_certs_needs_command" -s C -l dir -d 'The PKI directory' -r -F
complete -c certs -n "__fish_certs_needs_command" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c certs -n "__fish_certs_needs_command" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c certs -n "__fish_certs_needs_command" -l json -d 'The same as --format json'
complete -c certs -n "__fish_certs_needs_command" -s q -l quiet -d 'Say nothing but results and errors'
complete -c certs -n "__fish_certs_needs_command" -s v -l verbose -d 'Say more'
complete -c certs -n "__fish_certs_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c certs -n "__fish_certs_needs_command" -s V -l version -d 'Print version'
complete -c certs -n "__fish_certs_needs_command" -f -a "generate" -d 'Make the whole PKI of a network'
complete -c certs -n "__fish_certs_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c certs -n "__fish_certs_using_subcommand generate" -s C -l dir -d 'The PKI directory' -r -F
complete -c certs -n "__fish_certs_using_subcommand generate" -l format -d 'Write text for people or JSON for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c certs -n "__fish_certs_using_subcommand generate" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c certs -n "__fish_certs_using_subcommand generate" -l json -d 'The same as --format json'
complete -c certs -n "__fish_certs_using_subcommand generate" -s q -l quiet -d 'Say nothing but results and errors'
complete -c certs -n "__fish_certs_using_subcommand generate" -s v -l verbose -d 'Say more'
complete -c certs -n "__fish_certs_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c certs -n "__fish_certs_using_subcommand generate" -s V -l version -d 'Print version'
complete -c certs -n "__fish_certs_using_subcommand help; and not __fish_seen_subcommand_from generate help" -f -a "generate" -d 'Make the whole PKI of a network'
complete -c certs -n "__fish_certs_using_subcommand help; and not __fish_seen_subcommand_from generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
