using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One data connection: listened for at one side, dialled to the other once somebody has come, then relayed.</summary>
/// <param name="door">Where it is listened for.</param>
/// <param name="comesFrom">Who comes; the other side is dialled.</param>
/// <param name="dial">Dials the other side.</param>
internal sealed class FtpChannel(IFtpDoor door, Side comesFrom, Func<ValueTask<DialResult>> dial)
{
    private Connection? arrived, dialled, secured;
    private Relay? relay;
    private bool isAborted;

    /// <summary>Where it is listened for.</summary>
    public IPEndPoint At => door.LocalEndPoint;

    /// <summary>Whether somebody has come.</summary>
    public bool IsUsed { get; private set; }

    public long BytesFromClient => relay?.BytesFromClient ?? 0;

    public long BytesFromUpstream => relay?.BytesFromUpstream ?? 0;

    /// <summary>Lives it: accept, dial, relay, close.</summary>
    /// <param name="means">For TLS, and to tell of a dial that failed.</param>
    /// <param name="options">How it is relayed.</param>
    /// <param name="isPrivate">Whether the client talks TLS; asked when somebody has come.</param>
    public async Task RunAsync(IFtpMeans means, RelayOptions options, Func<bool> isPrivate)
    {
        try
        {
            arrived = await door.AcceptAsync();
            door.Dispose();
            if (arrived is null)
                return;
            IsUsed = true;
            var isSecure = isPrivate();
            var outcome = await dial();
            dialled = outcome.Connection;
            if (dialled is null || isAborted)
            {
                if (!isAborted)
                    means.Log(LogLevel.Warning, "ftp_data_failed", FtpText.NotDialled(comesFrom == Side.Client ? Side.Upstream : Side.Client, outcome));
                Abort();
                return;
            }
            var (client, upstream) = comesFrom == Side.Client ? (arrived, dialled) : (dialled, arrived);
            // After the dial: the client begins with TLS when its server has said that it begins, and that needs the connection.
            if (isSecure)
                client = secured = await means.SecureAsync(client);
            if (client is null || isAborted)
            {
                Abort();
                return;
            }
            relay = Relay.Between(client, upstream, options);
            // Where no loop is, the relay's bytes need not queue behind the conversation's, unless its connections belong there.
            if (SynchronizationContext.Current is SerialContext && relay.Context is null)
                await Task.Run(() => relay.RunAsync().AsTask());
            else
                await relay.RunAsync();
        }
        catch (ConnectionException)
        {
            Abort();
        }
        finally
        {
            door.Dispose();
            secured?.Dispose();
            arrived?.Dispose();
            dialled?.Dispose();
        }
    }

    /// <summary>Nobody is waited for any more; whoever has come goes on.</summary>
    public void Close() => door.Dispose();

    /// <summary>Ends it at once, with resets.</summary>
    public void Abort()
    {
        isAborted = true;
        door.Dispose();
        relay?.Stop();
        secured?.Abort();
        arrived?.Abort();
        dialled?.Abort();
    }
}
