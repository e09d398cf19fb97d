using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>
/// A Unix listen is private, replaces only a dead socket of its own user, follows no link, and removes only what is its own.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed partial class UnixListenTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private readonly PortableNetwork network = new();
    private readonly string path;

    public UnixListenTests() => path = Path.Combine(folder.FullName, "it.sock");

    [Fact]
    public void The_path_is_for_its_owner_only()
    {
        using var acceptor = Listen();
        Assert.Equal(Private, File.GetUnixFileMode(path));
    }

    [Fact]
    public void The_socket_is_private_before_it_listens_and_listens_before_it_is_at_the_path()
    {
        using var socket = NewSocket();
        var steps = new List<string>();
        string? temporary = null;
        using var claimed = UnixListen.Claim(new UnixDomainSocketEndPoint(path), Bind, Listen);
        Assert.Equal(["bind", "listen"], steps);
        Assert.True(File.Exists(path));
        Assert.False(File.Exists(temporary));

        void Bind(string name)
        {
            steps.Add("bind");
            temporary = name;
            Assert.Equal(folder.FullName, Path.GetDirectoryName(name));
            socket.Bind(new UnixDomainSocketEndPoint(name));
        }

        void Listen()
        {
            steps.Add("listen");
            Assert.Equal(Private, File.GetUnixFileMode(temporary!));
            Assert.False(File.Exists(path));
            socket.Listen();
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_dead_socket_of_ours_is_replaced()
    {
        LeaveDeadSocket();
        using var acceptor = Listen();
        using var client = NewSocket();
        await client.ConnectAsync(acceptor.LocalEndPoint, TestContext.Current.CancellationToken);
        using var accepted = await NetworkRig.AcceptAsync(acceptor);
    }

    [Fact]
    public void A_dead_socket_of_another_user_is_left_alone()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Only root can give a file away.");
        LeaveDeadSocket();
        Assert.Equal(0, lchown(path, 65534, 65534));
        AssertRefused(SocketError.AccessDenied, "65534");
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_socket_that_answers_is_in_use(bool full)
    {
        using var other = NewSocket();
        other.Bind(new UnixDomainSocketEndPoint(path));
        other.Listen(full ? 0 : 16);
        using var filler = NewSocket();
        if (full)
            filler.Connect(new UnixDomainSocketEndPoint(path));
        AssertRefused(SocketError.AddressAlreadyInUse, "listens there");
    }

    [Fact]
    public void A_datagram_socket_in_use_is_left_alone()
    {
        using var other = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(path));
        AssertRefused(SocketError.AddressAlreadyInUse, "listens there");
    }

    [Fact]
    public void A_file_is_left_alone()
    {
        File.WriteAllText(path, "precious");
        AssertRefused(SocketError.AddressAlreadyInUse, "no socket");
        Assert.Equal("precious", File.ReadAllText(path));
    }

    [Fact]
    public void A_folder_is_left_alone()
    {
        Directory.CreateDirectory(path);
        AssertRefused(SocketError.AddressAlreadyInUse, "no socket");
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_link_is_not_followed(bool dangling)
    {
        var target = Path.Combine(folder.FullName, "target");
        if (!dangling)
            LeaveDeadSocket(target);
        File.CreateSymbolicLink(path, target);
        AssertRefused(SocketError.AddressAlreadyInUse, "no socket");
        Assert.Equal(target, new FileInfo(path).LinkTarget);
        Assert.Equal(!dangling, File.Exists(target));
    }

    [Fact]
    public void A_link_is_not_followed_when_the_path_is_removed()
    {
        var moved = Path.Combine(folder.FullName, "moved");
        using (Listen())
        {
            File.Move(path, moved);
            File.CreateSymbolicLink(path, moved);
        }
        Assert.Equal(moved, new FileInfo(path).LinkTarget);
        Assert.True(File.Exists(moved));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_path_is_removed_at_the_end(bool unbind)
    {
        using var acceptor = Listen();
        if (unbind)
            acceptor.Unbind();
        else
            acceptor.Dispose();
        Assert.Empty(folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public void A_path_that_became_another_sockets_is_left_alone()
    {
        using var successor = NewSocket();
        using (Listen())
        {
            File.Delete(path);
            successor.Bind(new UnixDomainSocketEndPoint(path));
        }
        Assert.True(File.Exists(path));
    }

    [Fact]
    public void A_failed_listen_leaves_nothing()
    {
        using var socket = NewSocket();
        var refused = Assert.Throws<ListenException>(() => UnixListen.Claim(
            new UnixDomainSocketEndPoint(path),
            name => socket.Bind(new UnixDomainSocketEndPoint(name)),
            () => throw new SocketException((int)SocketError.NoBufferSpaceAvailable)));
        Assert.Equal(SocketError.NoBufferSpaceAvailable, refused.Error);
        Assert.Empty(folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public void A_missing_folder_is_named()
    {
        var missing = Path.Combine(folder.FullName, "missing", "it.sock");
        var refused = Assert.Throws<ListenException>(() => Listen(missing));
        Assert.Contains(missing, refused.Message, StringComparison.Ordinal);
        Assert.Contains("No such file or directory", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_longest_path_works_and_one_without_room_for_the_temporary_name_says_so()
    {
        var deep = folder.CreateSubdirectory(new string('d', UnixListen.MaxPathBytes - folder.FullName.Length - 2 - "it.socket".Length));
        var longest = Path.Combine(deep.FullName, "it.socket");
        Assert.Equal(UnixListen.MaxPathBytes, longest.Length);
        Listen(longest).Dispose();

        var deeper = folder.CreateSubdirectory(deep.Name + "d");
        var refused = Assert.Throws<ListenException>(() => Listen(Path.Combine(deeper.FullName, "it.sock")));
        Assert.Equal(SocketError.InvalidArgument, refused.Error);
        Assert.Contains("107 bytes", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_abstract_name_is_refused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Abstract names exist on Linux only.");
        var refused = Assert.Throws<ListenException>(() => Listen("\0fairlead"));
        Assert.Equal(SocketError.OperationNotSupported, refused.Error);
    }

    public void Dispose()
    {
        network.Dispose();
        folder.Delete(recursive: true);
    }

    private IAcceptor Listen(string? at = null) => network.Listen(new UnixDomainSocketEndPoint(at ?? path), new ListenOptions())[0];

    private void AssertRefused(SocketError error, string reason)
    {
        var before = UnixFile.At(path);
        var refused = Assert.Throws<ListenException>(() => Listen());
        Assert.Equal(error, refused.Error);
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, UnixFile.At(path));
        Assert.DoesNotContain(folder.EnumerateFileSystemInfos(), file => file.Name.StartsWith('.'));
    }

    private void LeaveDeadSocket(string? at = null)
    {
        // Renamed, since .NET removes at its end the name that a socket was bound to.
        using var socket = NewSocket();
        var bound = Path.Combine(folder.FullName, "bound");
        socket.Bind(new UnixDomainSocketEndPoint(bound));
        socket.Listen();
        File.Move(bound, at ?? path);
    }

    private static Socket NewSocket() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int lchown(string path, uint owner, uint group);
}
