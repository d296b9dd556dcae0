set edit:completion:arg-completer[openagents-certs] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) _OPENAGENTS_CERTS_COMPLETE="elvish" openagents-certs -- $@words) | to-lines
}

