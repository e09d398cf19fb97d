namespace Fairlead.Ssh;

/// <summary>What a server wants to know from the user (RFC 4256 section 3.2). All of it is a stranger's text, to be shown escaped.</summary>
/// <param name="Title">What it is about; may be empty.</param>
/// <param name="Instruction">What is to be done; may be empty.</param>
/// <param name="Prompts">What each answer is asked for with; may be none.</param>
public sealed record SshQuestions(string Title, string Instruction, IReadOnlyList<SshPrompt> Prompts)
{
    // Of a server that asks for more, nobody wants to know why.
    private const int MostPrompts = 16;

    /// <summary>Reads <c>SSH_MSG_USERAUTH_INFO_REQUEST</c>.</summary>
    /// <exception cref="SshFormatException">It is none.</exception>
    /// <exception cref="SshProtocolException">It asks for too much.</exception>
    internal static SshQuestions Read(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        var (title, instruction) = (fields.ReadText(), fields.ReadText());
        fields.ReadString();
        var count = fields.ReadUInt32();
        if (count > MostPrompts)
            throw SshProtocolException.Of($"the server asks {count} questions at once, and at most {MostPrompts} are answered");
        var prompts = new List<SshPrompt>();
        for (; count > 0; count--)
            prompts.Add(new SshPrompt(fields.ReadText(), fields.ReadBoolean()));
        return new SshQuestions(title, instruction, prompts);
    }
}

/// <summary>One question of a server.</summary>
/// <param name="Text">A stranger's text.</param>
/// <param name="IsShown">Whether the answer may be seen while it is typed.</param>
public sealed record SshPrompt(string Text, bool IsShown);
