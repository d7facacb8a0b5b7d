import { defineCommand, noArguments } from '../../framework/command.ts';

const script = `#compdef docker
# Completes docker's command lines in zsh:  source <(docker completion zsh)
_docker() {
    local -a lines described
    local line directive
    lines=("\${(@f)$(\${words[1]} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
    directive=\${lines[-1]#:}
    for line in "\${(@)lines[1,-2]}"; do
        described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
    done
    _describe docker described || (( directive & 4 )) || _files
}
if [ "$funcstack[1]" = _docker ]; then _docker "$@"; else compdef _docker docker; fi
`;

export const command = defineCommand({
  usage: '',
  summary: 'The script for zsh',
  details: 'Prints the script for zsh. To use it in this shell:  source <(docker completion zsh)',
  arguments: noArguments,
  flags: {},
  async run(cli) {
    cli.out.write(script);
  },
});
