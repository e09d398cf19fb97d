namespace Fairlead;

/// <summary>What the two directions of an FTP conversation share.</summary>
internal sealed class FtpControl(FtpLeg client, FtpLeg upstream, FtpEnds ends, FtpConfig config, IFtpMeans means, FtpChannels channels)
{
    private readonly HashSet<string> told = [];

    public FtpLeg Client => client;

    public FtpLeg Upstream => upstream;

    public FtpEnds Ends => ends;

    public FtpConfig Config => config;

    public IFtpMeans Means => means;

    public FtpChannels Channels => channels;

    public FtpOutstanding Outstanding { get; } = new();

    /// <summary>Whether the server is between the first and the last line of a reply.</summary>
    public bool IsInsideReply { get; set; }

    /// <summary>Whether the client has renounced all but EPSV, and the server has agreed.</summary>
    public bool IsEpsvOnly { get; set; }

    /// <summary>Whether client and server talk TLS with each other from now on.</summary>
    public bool IsBlind { get; set; }

    /// <summary>Gives the client an answer of our own, once it is its turn.</summary>
    public void Answer(string text)
    {
        Outstanding.Add(new FtpPending(FtpAwaited.Ours, text));
        GiveAnswers();
    }

    /// <summary>Gives the client those answers of our own whose turn it is.</summary>
    public void GiveAnswers()
    {
        while (!IsInsideReply && Outstanding.Next is { Awaited: FtpAwaited.Ours, Text: { } text })
        {
            client.AppendLine(text);
            Outstanding.Take();
        }
    }

    /// <summary>Writes to the log, of each event once in a conversation.</summary>
    public void Tell(LogLevel level, string @event, string message)
    {
        if (told.Add(@event))
            means.Log(level, @event, message);
    }
}
