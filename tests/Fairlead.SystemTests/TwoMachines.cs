using System.Diagnostics;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Fairlead.SystemTests;

/// <summary>Two network namespaces with a cable between them, gone with the test. Needs root.</summary>
internal sealed class TwoMachines : IDisposable
{
    /// <summary>The machine's own address, seen from the other one.</summary>
    public static readonly IPAddress Address = IPAddress.Parse("198.51.100.1");

    private const int CLONE_NEWNET = 0x40000000;

    private readonly string inside = $"fairlead-{Guid.NewGuid():N}"[..20];
    private readonly string outside = $"fairlead-{Guid.NewGuid():N}"[..20];

    public TwoMachines()
    {
        Ip("netns", "add", inside);
        Ip("netns", "add", outside);
        Ip("link", "add", "cable0", "netns", inside, "type", "veth", "peer", "name", "cable0", "netns", outside);
        foreach (var (name, address) in new[] { (inside, "198.51.100.1/24"), (outside, "198.51.100.2/24") })
        {
            Ip("-n", name, "address", "add", address, "dev", "cable0");
            Ip("-n", name, "link", "set", "lo", "up");
            Ip("-n", name, "link", "set", "cable0", "up");
        }
    }

    /// <summary>Runs something on a thread of the machine: sockets that it makes and programs that it starts are there.</summary>
    public T Inside<T>(Func<T> work) => Within(inside, work);

    /// <summary>The same on the other machine.</summary>
    public T Outside<T>(Func<T> work) => Within(outside, work);

    /// <summary>Runs a program on the machine, which has to end well: its output.</summary>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (status, output) = await Peers.RunAsync("ip", ["netns", "exec", inside, program, .. arguments]);
        Assert.True(status == 0, $"{program} {string.Join(' ', arguments)}: {output}");
        return output;
    }

    public void Dispose()
    {
        Ip("netns", "delete", inside);
        Ip("netns", "delete", outside);
    }

    private static T Within<T>(string name, Func<T> work)
    {
        var (result, fault) = (default(T), (ExceptionDispatchInfo?)null);
        // A thread of its own, which ends: a namespace is entered by a thread, and nobody else may find himself in it.
        var thread = new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle($"/run/netns/{name}");
                Assert.Equal(0, setns((int)file.DangerousGetHandle(), CLONE_NEWNET));
                result = work();
            }
            catch (Exception error)
            {
                fault = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        fault?.Throw();
        return result!;
    }

    private static void Ip(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {errors}");
    }

#pragma warning disable SYSLIB1054 // A test's one call is not worth a generator.
    [DllImport("libc", SetLastError = true)]
    private static extern int setns(int descriptor, int kind);
#pragma warning restore SYSLIB1054
}
