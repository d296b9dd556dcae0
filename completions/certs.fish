complete --keep-order --exclusive --command certs --arguments "(_OPENAGENTS_CERTS_COMPLETE=fish certs -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
