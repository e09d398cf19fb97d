namespace Fairlead;

/// <summary>What is waited for from the server, or for its turn.</summary>
internal enum FtpAwaited
{
    /// <summary>A reply that means nothing here; the greeting too, which no command asks for.</summary>
    Reply,

    /// <summary>An answer of our own, which comes after the replies to what the client had sent before.</summary>
    Ours,

    /// <summary>The reply to ABOR, which not all servers send when a transfer's own reply says it all.</summary>
    Abor,

    /// <summary>The reply to PASV.</summary>
    Pasv,

    /// <summary>The reply to EPSV.</summary>
    Epsv,

    /// <summary>The reply to EPSV ALL.</summary>
    EpsvAll,

    /// <summary>The reply to the PORT or EPRT that we have sent.</summary>
    Active,

    /// <summary>The reply to AUTH.</summary>
    Auth,

    /// <summary>The reply to FEAT.</summary>
    Feat,
}

/// <summary>A command whose reply has not come.</summary>
/// <param name="Awaited">What is waited for.</param>
/// <param name="Text">Our own answer.</param>
/// <param name="IsForPasv">Whether the client has sent PASV, whatever was sent to the server.</param>
/// <param name="Channel">Where the server is waited for.</param>
internal sealed record FtpPending(FtpAwaited Awaited, string? Text = null, bool IsForPasv = false, FtpChannel? Channel = null)
{
    /// <summary>Whether it may lead to a data connection.</summary>
    public bool IsSetup => Awaited is FtpAwaited.Pasv or FtpAwaited.Epsv or FtpAwaited.Active;

    /// <summary>
    /// Whether a reply is all that it gets. PASV and EPSV get their own or a refusal; anything else came late, for something that was sent before.
    /// </summary>
    public bool IsCompletedBy(int code) => Awaited switch
    {
        FtpAwaited.Pasv => code == 227 || code >= 400,
        FtpAwaited.Epsv => code == 229 || code >= 400,
        _ => code >= 200,
    };
}

/// <summary>The commands whose replies have not come, in their order (RFC 959 section 5.4: the replies are in the same).</summary>
internal sealed class FtpOutstanding
{
    /// <summary>How many there may be; beyond, nothing is read from the client.</summary>
    public const int Most = 64;

    private readonly Queue<FtpPending> pending = [];
    private TaskCompletionSource? change;

    /// <summary>How many there are.</summary>
    public int Count => pending.Count;

    /// <summary>Whether no reply will come any more.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether one of them may lead to a data connection. There is one at a time.</summary>
    public bool HasSetup { get; private set; }

    /// <summary>The one whose reply is next; null: none.</summary>
    public FtpPending? Next => pending.TryPeek(out var next) ? next : null;

    /// <summary>The one behind it; null: none.</summary>
    public FtpPending? Second => pending.Skip(1).FirstOrDefault();

    /// <summary>Adds one behind all others.</summary>
    public void Add(FtpPending one)
    {
        pending.Enqueue(one);
        HasSetup |= one.IsSetup;
    }

    /// <summary>The next one has its reply.</summary>
    public FtpPending Take()
    {
        var one = pending.Dequeue();
        HasSetup &= !one.IsSetup;
        Tell();
        return one;
    }

    /// <summary>No reply will come any more.</summary>
    public void Close()
    {
        IsClosed = true;
        HasSetup = false;
        pending.Clear();
        Tell();
    }

    /// <summary>Waits until one has its reply, or none will come.</summary>
    public Task ChangeAsync()
    {
        if (IsClosed)
            return Task.CompletedTask;
        change ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return change.Task;
    }

    private void Tell()
    {
        change?.SetResult();
        change = null;
    }
}
