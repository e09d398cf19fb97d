namespace Fairlead.Bench;

/// <summary>As many bytes as pass through SOCKS5, beside a forward that has nothing to understand.</summary>
sealed class SocksBulkWork(Options options) : BulkWork(options, streams: 1)
{
    public override string Name => "socks-bulk";
    public override string What => $"{Load}, through SOCKS5 by proxychains4; {FairleadPeer.Plain} and direct without";
    public override string Kind => "socks";
    public override string Reference => FairleadPeer.Plain;
    public override Speech Speech => Speech.Socks;
    public override string? Missing => base.Missing ?? Proxychains.Missing;
}
