
use builtin;
use str;

set edit:completion:arg-completer[certs] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'certs'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'certs'= {
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
            cand generate 'Make the whole PKI of a network'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'certs;generate'= {
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
        &'certs;help'= {
            cand generate 'Make the whole PKI of a network'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'certs;help;generate'= {
        }
        &'certs;help;help'= {
        }
    ]
    $completions[$command]
}
