using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What a user is told to do where an address cannot be listened on.</summary>
public sealed class ListenRefusalTests
{
    [Theory(Timeout = 30000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task A_Unix_socket_in_a_folder_that_is_missing_gets_its_remedy(EngineKind kind)
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-");
        folder.Delete();
        Assert.EndsWith("; make its folder, or choose another path", await RefuseAsync(kind, $"unix:{folder.FullName}/it.sock"), StringComparison.Ordinal);
    }

    [Theory(Timeout = 30000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task A_Unix_socket_that_somebody_listens_on_gets_its_remedy(EngineKind kind)
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-");
        using (var taken = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            taken.Bind(new UnixDomainSocketEndPoint($"{folder.FullName}/it.sock"));
            taken.Listen();
            Assert.EndsWith(
                "; stop whoever it is, remove what is there, or choose another path", await RefuseAsync(kind, $"unix:{folder.FullName}/it.sock"), StringComparison.Ordinal);
        }
        folder.Delete(recursive: true);
    }

    [Theory(Timeout = 30000), InlineData(EngineKind.Native), InlineData(EngineKind.Portable)]
    public async Task A_link_local_address_without_its_interface_gets_its_remedy(EngineKind kind)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Socket.OSSupportsIPv6, "There is no IPv6 here, or none that refuses so.");
        Assert.Equal(
            "cannot listen on [fe80::1]:0: a link-local address needs its interface; write it as [fe80::1%eth0], with the name that 'ip address' shows",
            await RefuseAsync(kind, "[fe80::1]:0"));
    }

    [Theory]
    [InlineData(SocketError.AddressAlreadyInUse, "stop whoever it is, remove what is there, or choose another path")]
    [InlineData(SocketError.AddressNotAvailable, "make its folder, or choose another path")]
    [InlineData(SocketError.AccessDenied, "choose a folder that this user may write to")]
    [InlineData(SocketError.InvalidArgument, "choose another path")]
    public void Every_refusal_of_a_Unix_socket_has_a_remedy(SocketError error, string remedy)
    {
        var refusal = new ListenException(new UnixDomainSocketEndPoint("/it.sock"), error, "Cannot listen on /it.sock: No.");
        Assert.Equal($"cannot listen on /it.sock: No; {remedy}", ListenRefusal.Explain("unix:/it.sock", refusal));
    }

    [Theory]
    [InlineData("fe80::1%3", SocketError.InvalidArgument, "cannot listen on it: No; 'ip address' shows the addresses of this machine")]
    [InlineData("::1", SocketError.AddressFamilyNotSupported, "cannot listen on it: this system has no IPv6")]
    [InlineData("127.0.0.1", SocketError.TooManyOpenSockets, "cannot listen on it: the process has no descriptor left; raise the limit (ulimit -n, or LimitNOFILE= in its unit)")]
    public void Other_refusals_of_an_address_have_theirs(string address, SocketError error, string words)
    {
        Assert.Equal(words, ListenRefusal.Explain("it", new ListenException(new IPEndPoint(IPAddress.Parse(address), 65535), error, "Cannot listen on it: No.")));
    }

    private static async Task<string> RefuseAsync(EngineKind kind, string listen)
    {
        await using var rig = new ForwardingRig(kind);
        return Assert.Throws<ForwardException>(() => rig.Start(rig.Forward(new IPEndPoint(IPAddress.Loopback, 1), listen))).Message;
    }
}
