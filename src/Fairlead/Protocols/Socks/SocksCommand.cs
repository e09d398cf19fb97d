namespace Fairlead;

/// <summary>What is asked of a SOCKS server (RFC 1928 section 4); SOCKS4 knows the first two.</summary>
internal static class SocksCommand
{
    public const byte Connect = 0x01, Bind = 0x02, UdpAssociate = 0x03;
}
