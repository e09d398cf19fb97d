using System.ComponentModel;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// A connection inside TLS (RFC 8446, RFC 5246), after the handshake (<see cref="TlsServer"/>, <see cref="TlsClient"/>). It owns the connection beneath, and is used where that
/// one belongs.
/// </summary>
/// <remarks>
/// <para>
/// <see cref="CompleteWritesAsync"/> sends close_notify, then ends the writes beneath; a close_notify of the peer is read as the end. In TLS 1.3 each direction ends by itself
/// (RFC 8446 section 6.1). In TLS 1.2 a peer that reads close_notify is to answer with its own at once and may drop what it still had to say (RFC 5246 section 7.2.1).
/// </para>
/// <para>
/// An end beneath without a close_notify is a reset: anybody on the way can fake it, so that what came before may not be all, and a truncated answer must not look complete.
/// Only in TLS 1.2, and only after this end's own close_notify, nothing can be lost by it: there it is the answer that the peer owed.
/// </para>
/// </remarks>
internal sealed class TlsConnection : Connection
{
    /// <summary>
    /// As much as fits with its records' headers in 64 KiB of ciphertext. It is what a relay reads at once, less a little, and under 100 µs of AES-GCM.
    /// </summary>
    private const int MostAtOnce = 63 << 10;

    private readonly Connection inner;
    private readonly SslStream stream;
    private readonly TlsTransport transport;
    private readonly bool mayEndWithoutNotice;
    private ConnectionException? broken;
    private int closed;
    private bool isWriting, hasCompleted;

    /// <summary>Takes over a connection whose handshake is done.</summary>
    public TlsConnection(Connection inner, SslStream stream, TlsTransport transport)
    {
        this.inner = inner;
        this.stream = stream;
        this.transport = transport;
        Version = stream.SslProtocol;
        mayEndWithoutNotice = Version <= SslProtocols.Tls12;
        Protocol = stream.NegotiatedApplicationProtocol.Protocol.IsEmpty ? null : stream.NegotiatedApplicationProtocol.ToString();
        PeerName = (stream.RemoteCertificate as X509Certificate2)?.Subject;
        transport.Gather();
    }

    /// <summary>Of the two that there are here.</summary>
    public SslProtocols Version { get; }

    /// <summary>The application's protocol that both ends agreed on (ALPN, RFC 7301); null: they did not speak of it.</summary>
    public string? Protocol { get; }

    /// <summary>The subject of the peer's certificate, which has been verified; a stranger's text where it is a client's. Null without a certificate.</summary>
    public string? PeerName { get; }

    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

    internal override AddressKey? RemoteKey => inner.RemoteKey;

    public override SynchronizationContext? Context => inner.Context;

    /// <summary>For tests.</summary>
    internal Connection Inner => inner;

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        ThrowIfOver();
        int count;
        await transport.EnterAsync();
        try
        {
            count = await stream.ReadAsync(buffer);
        }
        catch (Exception e) when (IsOfNetwork(e))
        {
            throw Broken(e);
        }
        finally
        {
            transport.Leave();
        }
        if (count == 0 && !buffer.IsEmpty && transport.HasEnded && !(mayEndWithoutNotice && hasCompleted))
            throw Broken(new IOException("the peer's end came without a close_notify: what came before may not be all"));
        return count;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        ThrowIfOver();
        if (hasCompleted)
            throw new InvalidOperationException("Writes were completed; nothing can follow.");
        isWriting = true;
        try
        {
            while (!bytes.IsEmpty)
            {
                var part = bytes[..Math.Min(bytes.Length, MostAtOnce)];
                await SendAsync(part);
                bytes = bytes[part.Length..];
            }
        }
        catch (Exception e) when (IsOfNetwork(e))
        {
            throw Broken(e);
        }
        finally
        {
            isWriting = false;
        }
    }

    public override async ValueTask CompleteWritesAsync()
    {
        ThrowIfOver();
        if (hasCompleted)
            return;
        hasCompleted = true;
        try
        {
            await SendAsync(null);
            await inner.CompleteWritesAsync();
        }
        catch (Exception e) when (IsOfNetwork(e))
        {
            throw Broken(e);
        }
    }

    public override void Abort()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        inner.Abort();
        stream.Dispose();
    }

    /// <summary>Closes the connection, with a close_notify where that can be sent at once.</summary>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        var farewell = hasCompleted || isWriting || broken is not null ? Task.CompletedTask : SayFarewellAsync();
        inner.Dispose();
        stream.Dispose();

        // The end of the connection beneath has ended it, one way or the other.
        _ = farewell;
    }

    // Never faults.
    private async Task SayFarewellAsync()
    {
        try
        {
            await SendAsync(null);
        }
        catch (Exception)
        {
            // The peer has gone, or takes no more: then it sees an end without a close_notify.
        }
    }

    // Null: the close_notify.
    private async ValueTask SendAsync(ReadOnlyMemory<byte>? part)
    {
        ArraySegment<byte> output;
        await transport.EnterAsync();
        try
        {
            await (part is { } bytes ? stream.WriteAsync(bytes) : new ValueTask(stream.ShutdownAsync()));
            output = transport.TakeOutput();
        }
        finally
        {
            transport.Leave();
        }
        await inner.WriteAsync(output);
        // Not where it failed: then somebody may read it yet.
        TlsTransport.Return(output);
    }

    // Anything else is a bug, and says so.
    private static bool IsOfNetwork(Exception e) => e is IOException or AuthenticationException or ObjectDisposedException or Win32Exception;

    private void ThrowIfOver()
    {
        if (Volatile.Read(ref closed) != 0)
            throw Aborted(null);
        if (broken is not null)
            throw new ConnectionException(broken.Error, broken.Message, broken);
    }

    // A peer that breaks the protocol, or tells a fatal alert, has reset the connection. What broke beneath says so itself.
    private ConnectionException Broken(Exception cause)
    {
        if (Volatile.Read(ref closed) != 0)
            return Aborted(cause);
        if (cause is ConnectionException known)
            return known;
        return broken ??= new ConnectionException(ConnectionError.Reset, $"TLS was broken: {Printable.Escape(cause.InnerException?.Message ?? cause.Message)}", cause);
    }

    private static ConnectionException Aborted(Exception? cause) => new(ConnectionError.Aborted, "The connection was closed at this end.", cause);
}
