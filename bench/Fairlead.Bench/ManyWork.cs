using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Bench;

/// <summary>Thousands of forwards in one file: the start, and a reload that changes one of them.</summary>
sealed class ManyWork(Options options) : Work
{
    const int Forwards = 10_000;
    const int Descriptors = 20_000;

    /// <summary>Somewhere in the middle, and not where a search would begin or end.</summary>
    const int Changed = Forwards / 2 + 1;

    /// <summary>Thousandths of what is measured.</summary>
    static readonly TimeSpan pause = TimeSpan.FromMilliseconds(1);

    Workshop workshop = null!;
    EchoTarget? before, after;
    IReadOnlyList<IPEndPoint> listens = [];

    public override string Name => "many";
    public override string What => string.Create(CultureInfo.InvariantCulture,
        $"{Forwards:N0} forwards in one file, {Descriptors:N0} descriptors; from exec to the first byte forwarded and answered on the last; from the request to reload with one changed to the first byte of its new target");
    public override IReadOnlyList<Metric> Metrics { get; } = [Metric.Less("start, ms", "F0"), Metric.Less("reload, ms", "F0"), Metric.Less("descriptors", "N0")];
    public override bool Takes(Peer peer) => base.Takes(peer) && peer.Family == "fairlead";

    public override void Open(IReadOnlyList<Peer> peers, Workshop workshop)
    {
        this.workshop = workshop;
        listens = Loopback.NewEndPoints(Forwards);
        before = new(onlyOnce: true, mark: 1);
        after = new(onlyOnce: true, mark: 2);
    }

    public override double[] Measure(Peer peer, int round)
    {
        var admin = workshop.NewFile("admin.sock");
        var file = workshop.NewFile("many.yaml", Text(admin, before!));
        var begin = Stopwatch.GetTimestamp();
        // The hard limit too, since Fairlead raises the soft one to it.
        using var child = workshop.Start(new("/bin/sh", "-c", $"ulimit -n {Descriptors} && exec \"$@\"", "sh", options.Fairlead, "run", file));
        Expect(child, listens[^1], mark: 1);
        var start = Stopwatch.GetElapsedTime(begin);
        if (Loopback.CountSilent(listens) is > 0 and var silent)
            throw new MeasureException($"{silent} of {Forwards} do not listen when the last one serves");
        Expect(child, listens[Changed], mark: 1);

        File.WriteAllText(file, Text(admin, after!, only: Changed));
        begin = Stopwatch.GetTimestamp();
        Reload(admin);
        Expect(child, listens[Changed], mark: 2);
        var reload = Stopwatch.GetElapsedTime(begin);
        Expect(child, listens[^1], mark: 1);
        var descriptors = Directory.GetFileSystemEntries($"/proc/{child.Id}/fd").Length;
        before!.CloseConnections();
        after!.CloseConnections();
        return [start.TotalMilliseconds, reload.TotalMilliseconds, descriptors];
    }

    /// <param name="admin">Where it takes orders.</param>
    /// <param name="target">Where the forwards lead, or the one.</param>
    /// <param name="only">The one that leads to the target, the others to where they did before; null for all.</param>
    string Text(string admin, EchoTarget target, int? only = null)
    {
        var text = new StringBuilder($"admin: {{ listen: \"unix:{admin}\" }}\naccess_log: off\ndefaults: {{ engine: native }}\nforwards:\n");
        for (var i = 0; i < listens.Count; i++)
        {
            var to = only is null || only == i ? target : before!;
            text.Append(CultureInfo.InvariantCulture, $"  - {{ name: f{i}, listen: \"{listens[i]}\", to: \"{to.EndPoint}\" }}\n");
        }
        return text.ToString();
    }

    static void Expect(Child child, IPEndPoint entry, byte mark)
    {
        // Not disposed: the process is the caller's.
        var answer = FirstByte.Wait(new Forwarder([child], [entry]), pause);
        if (answer != mark)
            throw new MeasureException($"{entry} leads to target {answer}, and should to {mark}");
    }

    /// <summary>Comes back when it is done. By hand, so that no HTTP client's first use is measured.</summary>
    static void Reload(string admin)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };
            socket.Connect(new UnixDomainSocketEndPoint(admin));
            socket.Send("POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8);
            var answer = new StringBuilder();
            var buffer = new byte[4096];
            for (int n; (n = socket.Receive(buffer)) > 0;)
                answer.Append(Encoding.UTF8.GetString(buffer, 0, n));
            if (!answer.ToString().StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal))
                throw new MeasureException($"reload: {answer.ToString().Split("\r\n")[0]}");
        }
        catch (SocketException e)
        {
            throw new MeasureException($"reload: {e.Message}");
        }
    }

    public override void Dispose()
    {
        before?.Dispose();
        after?.Dispose();
    }
}
