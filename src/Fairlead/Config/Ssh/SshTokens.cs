using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead;

/// <summary>What the tokens of ssh_config(5) stand for, for one server.</summary>
/// <param name="draft">What is said of it so far.</param>
/// <param name="host">The host that is connected to: what <c>HostName</c> has made of the one that was asked for.</param>
internal sealed partial class SshTokens(SshDraft draft, string host)
{
    /// <summary>Those of paths and of <c>Match exec</c>.</summary>
    public const string All = "CdhijkLlnpru";

    /// <summary>Those of <c>ProxyCommand</c> and <c>ProxyJump</c>.</summary>
    public const string OfProxies = "hknpr";

    // What somebody else may have chosen: who sends a link to ssh://HOST, or writes a list of hosts.
    private const string Foreign = "hjknr";

    /// <summary>A path: <c>~</c>, variables and tokens are replaced.</summary>
    /// <exception cref="SshConfigException">It has something that stands for nothing.</exception>
    public string Path(SshValue value) => In(value, () => SshWords.Expand(HomePath.Expand(value.Text), All, Of, hasVariables: true));

    /// <summary>A text with its tokens replaced, and nothing else.</summary>
    /// <exception cref="SshConfigException">It has something that stands for nothing.</exception>
    public string Text(SshValue value, string letters) => In(value, () => SshWords.Expand(value.Text, letters, Of, hasVariables: false));

    /// <summary>A command for a shell: what others may have chosen is refused where it could say more to the shell than a word (CVE-2023-51385).</summary>
    /// <exception cref="SshConfigException">It has something that stands for nothing, or that is refused.</exception>
    public string Command(SshValue value, string letters) => In(value, () => SshWords.Expand(value.Text, letters, letter => Of(letter) is var word && Foreign.Contains(letter, StringComparison.Ordinal) && word.Length > 0 && ShellCommand.WordFault(word) is { } fault
        ? throw new FormatException($"'{Printable.Escape(value.Text)}' would give '{Printable.Escape(word)}' (%{letter}) to a shell: {fault}; write another name, or the command without %{letter}")
        : word, hasVariables: false));

    private string Of(char letter) => letter switch
    {
        'C' => Hash(),
        'd' => HomePath.Expand("~"),
        'h' => host,
        'i' => getuid().ToString(CultureInfo.InvariantCulture),
        'j' => Jump,
        'k' => draft.HostKeyAlias ?? draft.Host!,
        'L' => Dns.GetHostName().Split('.')[0],
        'l' => Dns.GetHostName(),
        'n' => draft.Host!,
        'p' => Port,
        'r' => draft.User ?? Environment.UserName,
        'u' => Environment.UserName,
        _ => throw new ArgumentOutOfRangeException(nameof(letter)),
    };

    private string Port => (draft.Port ?? SshTarget.DefaultPort).ToString(CultureInfo.InvariantCulture);

    private string Jump => draft.ProxyJump is { Text: var text } && !text.Equals("none", StringComparison.OrdinalIgnoreCase) ? text : "";

    // ssh_connection_hash in OpenSSH's readconf.c. It names sockets, and keeps nobody out.
#pragma warning disable CA5350
    private string Hash() => Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes($"{Of('l')}{host}{Port}{Of('r')}{Jump}")));
#pragma warning restore CA5350

    private static string In(SshValue value, Func<string> expand)
    {
        try
        {
            return expand();
        }
        catch (FormatException error) when (error is not SshConfigException)
        {
            throw value.Error(error.Message);
        }
    }

    [LibraryImport("libc")]
    private static partial uint getuid();
}
