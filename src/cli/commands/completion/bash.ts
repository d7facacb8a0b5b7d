import { defineCommand, noArguments } from '../../framework/command.ts';

const script = `# Completes docker's command lines in bash:  source <(docker completion bash)
_docker() {
    local cur words cword out directive IFS=$'\\n'
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n =: cur words cword
    else
        cur=\${COMP_WORDS[COMP_CWORD]} words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    out=$("\${words[0]}" __completeNoDesc "\${words[@]:1:cword}" 2>/dev/null) || return
    directive=\${out##*:}
    COMPREPLY=($(compgen -W "\${out%:*}" -- "\${cur#--*=}"))
    if (( directive & 4 )); then compopt +o default; fi
    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -o default -F _docker docker
`;

export const command = defineCommand({
  usage: '',
  summary: 'The script for bash',
  details: 'Prints the script for bash. To use it in this shell:  source <(docker completion bash)',
  arguments: noArguments,
  flags: {},
  async run(cli) {
    cli.out.write(script);
  },
});
