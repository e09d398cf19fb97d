using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>The completion scripts in the shells themselves, set up as <c>fairlead completion --help</c> says.</summary>
public sealed partial class CompletionTests : IDisposable
{
    // Types a line and a tab into an interactive zsh, and prints what compadd was told to offer and the line as it then stands.
    private const string Typist = """
        zmodload zsh/zpty
        zpty -b shell zsh -f -i
        zpty -w shell "
          PS1= PS2=
          $1
          compadd() { local -a found; builtin compadd -O found \"\$@\"; print -r -- \"<offered:\${(j: :)found}>\"; builtin compadd \"\$@\" }
          standing() { print -r -- \"<line:\$BUFFER>\" }
          ready() { print -r -- '<ready''>'; zle -D zle-line-init }
          zle -N standing; zle -N zle-line-init ready; bindkey '^X^X' standing
        "
        zpty -r shell text '*<ready>*' || exit 1
        zpty -n -w shell "$2"$'\t\x18\x18'
        zpty -r shell text '*<line:*>*' || exit 1
        print -r -- "$text"
        """;

    private readonly Folder home = new();

    public static TheoryData<string, string, string> Lines => new()
    {
        { "fairlead ", "--help --version -h check close completion connections demo drain forward hub proxy reload run ssh status stop top", "fairlead " },
        { "fairlead fo", "forward", "fairlead forward " },
        { "fairlead forward --eng", "--engine", "fairlead forward --engine " },
        { "fairlead forward 8080:h:80 --log-l", "--log-level", "fairlead forward 8080:h:80 --log-level " },
        { "fairlead forward --engine ", "auto native portable", "fairlead forward --engine " },
        { "fairlead forward --engine n", "native", "fairlead forward --engine native " },
        { "fairlead forward --engine=n", "--engine=native", "fairlead forward --engine=native " },
        { "fairlead forward --engine=", "--engine=auto --engine=native --engine=portable", "fairlead forward --engine=" },
        { "fairlead completion z", "zsh", "fairlead completion zsh " },
    };

    [Theory(Timeout = 60000), MemberData(nameof(Lines))]
    public async Task Zsh_offers_commands_options_and_values(string line, string offered, string standing)
    {
        Assert.Equal((offered, standing), await TypeInZshAsync("autoload -Uz compinit && compinit -u -D; source <(fairlead completion zsh)", line));
    }

    [Fact(Timeout = 60000)]
    public async Task Zsh_loads_the_script_as_a_function_too()
    {
        home.Write("_fairlead", (await Peers.RunAsync(Running.Binary, "completion", "zsh")).Output);
        Assert.Equal(("forward", "fairlead forward "), await TypeInZshAsync("fpath=(~ $fpath); autoload -Uz compinit && compinit -u -D", "fairlead fo"));
    }

    [Theory(Timeout = 60000), MemberData(nameof(Lines))]
    public async Task Fish_offers_commands_options_and_values(string line, string offered, string standing)
    {
        var fish = Peers.Require("fish", "fish");
        Assert.StartsWith(line, standing, StringComparison.Ordinal);
        Directory.CreateDirectory($"{home.Path}/.config/fish/completions");
        home.Write(".config/fish/completions/fairlead.fish", (await Peers.RunAsync(Running.Binary, "completion", "fish")).Output);
        var (status, output) = await RunAtHomeAsync(fish, "-c", "complete -C $argv[1]", line);
        Assert.True(status == 0, output);
        Assert.Equal(offered, string.Join(' ', output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)));
    }

    public void Dispose() => home.Dispose();

    private async Task<(string Offered, string Line)> TypeInZshAsync(string setUp, string line)
    {
        var zsh = Peers.Require("zsh", "zsh");
        var (status, output) = await RunAtHomeAsync(zsh, "-f", home.Write("typist", Typist), setUp, line);
        Assert.True(status == 0, output);
        var offered = Offered().Match(output).Groups[1].Value.Split(' ').Order(StringComparer.Ordinal);
        return (string.Join(' ', offered), Standing().Match(output).Groups[1].Value);
    }

    /// <summary>Runs a shell that finds the program under test on its path, in a home of its own.</summary>
    private Task<(int Status, string Output)> RunAtHomeAsync(string shell, params string[] arguments)
    {
        Directory.CreateDirectory($"{home.Path}/bin");
        var program = home.Write("bin/fairlead", $"#!/bin/sh\nexec '{Running.Binary}' \"$@\"\n");
        File.SetUnixFileMode(program, (UnixFileMode)0b111_101_101);
        return Peers.RunAsync("/usr/bin/env", ["-u", "XDG_CONFIG_HOME", "TERM=dumb", $"HOME={home.Path}", $"PATH={home.Path}/bin:{Environment.GetEnvironmentVariable("PATH")}", shell, .. arguments]);
    }

    [GeneratedRegex("<offered:([^>]*)>")]
    private static partial Regex Offered();

    [GeneratedRegex("<line:([^>]*)>")]
    private static partial Regex Standing();
}
