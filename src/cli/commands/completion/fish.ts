import { defineCommand, noArguments } from '../../framework/command.ts';

const script = `# Completes docker's command lines in fish:  docker completion fish | source
function __docker_candidates
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
    string match -v -r '^:\\d+$' -- $lines
    if test "$lines[-1]" = ":0"
        __fish_complete_path (commandline -ct)
    end
end
complete -c docker -f -a '(__docker_candidates)'
`;

export const command = defineCommand({
  usage: '',
  summary: 'The script for fish',
  details: 'Prints the script for fish. To use it in this shell:  docker completion fish | source',
  arguments: noArguments,
  flags: {},
  async run(cli) {
    cli.out.write(script);
  },
});
