using System.CommandLine;
using System.CommandLine.Completions;

namespace Fairlead.Cli;

/// <summary><c>fairlead completion SHELL</c>: a script that asks the program itself what could follow.</summary>
internal static class CompletionCommand
{
    private const string Notes = """
        Examples:
          source <(fairlead completion bash)                                       in ~/.bashrc
          source <(fairlead completion zsh)                                        in ~/.zshrc
          fairlead completion fish > ~/.config/fish/completions/fairlead.fish
        """;

    // In all three, `=` becomes a space: `--engine=n` is completed like `--engine n`, which the program's answer is for.
    private const string Bash = """
        # bash completion for fairlead
        _fairlead() {
            local word=${COMP_WORDS[COMP_CWORD]} line=${COMP_LINE:0:COMP_POINT} found
            [[ $word == = ]] && word=
            COMPREPLY=()
            while IFS= read -r found; do
                [[ -n $found && $found == "$word"* ]] && COMPREPLY+=("$found")
            done < <("$1" "[suggest:${#line}]" "${line//=/ }" 2>/dev/null)
        }
        complete -F _fairlead fairlead
        """;

    private const string Zsh = """
        #compdef fairlead
        _fairlead() {
            local line="${(j: :)words[1,CURRENT]}" prefix=
            [[ ${words[CURRENT]} == --*=* ]] && prefix="${words[CURRENT]%%=*}="
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "${line//=/ }" 2>/dev/null)}")
            compadd -- "$prefix"${^found:#}
        }
        if [[ ${funcstack[1]} == _fairlead ]]; then
            _fairlead "$@"
        else
            compdef _fairlead fairlead
        fi
        """;

    private const string Fish = """
        # fish completion for fairlead
        function __fairlead_complete
            set -l line (commandline -cp | string replace --all = ' ' | string collect)
            set -l word (commandline -ct)
            set -l prefix (string match --regex -- '^--[^=]*=' "$word"; or echo)
            for found in (fairlead "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)
                echo -- $prefix$found
            end
        end
        complete -c fairlead -f -a '(__fairlead_complete)'
        """;

    private static readonly (string Shell, string Script)[] scripts = [("bash", Bash), ("zsh", Zsh), ("fish", Fish)];

    private static readonly Argument<string> shell = new("SHELL")
    {
        Description = "bash, zsh or fish",
        HelpName = "SHELL",
        CompletionSources = { _ => scripts.Select(script => new CompletionItem(script.Shell)) },
    };

    public static Command Create()
    {
        var command = new NotedCommand("completion", "Prints a script that completes fairlead's commands and options in a shell.", Notes, $"no shell is given; write {Shells}") { shell };
        command.SetAction(parsed => parsed.InvocationConfiguration.Output.WriteLine(Script(parsed.GetRequiredValue(shell))));
        return command;
    }

    private static string Shells => Values.Alternatives([.. scripts.Select(script => script.Shell)]);

    private static string Script(string name)
    {
        return Array.Find(scripts, script => script.Shell == name).Script
            ?? throw new UsageException([name.StartsWith('-') ? $"unknown option '{Printable.Escape(name)}'" : $"shell '{Printable.Escape(name)}' is unknown; write {Shells}"]);
    }
}
