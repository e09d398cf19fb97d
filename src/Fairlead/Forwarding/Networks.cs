using Fairlead.Net;

namespace Fairlead;

/// <summary>The networks of a process: each is made when the first forward needs it.</summary>
internal sealed class Networks(EngineOptions options, int descriptorLimit) : IDisposable
{
    private readonly PortableNetwork portable = new();
    private INetwork? native;

    /// <summary>How many pipes it may have for splice.</summary>
    public int Pipes => native is null || !options.Splice ? 0 : Descriptors.Pipes(descriptorLimit);

    /// <summary>How many descriptors its event loops have.</summary>
    public int LoopDescriptors => native is null ? 0 : Descriptors.OfLoops(options.Loops);

    /// <summary>Which network a forward uses.</summary>
    /// <exception cref="ForwardException">It cannot be had here.</exception>
    public INetwork Of(ForwardConfig config)
    {
        if (config.Engine == EngineKind.Portable || (config.Engine == EngineKind.Auto && !OperatingSystem.IsLinux()))
            return portable;
        if (!OperatingSystem.IsLinux())
            throw new ForwardException($"forward {Printable.Escape(config.Title)}: the native engine needs Linux; use auto or portable");
        try
        {
            return native ??= new NativeNetwork(new NativeNetworkOptions
            {
                Loops = options.Loops,
                Splice = options.Splice,
                MostPipes = Descriptors.Pipes(descriptorLimit),
                OnFault = fault => options.Log?.Invoke(Notice.Fault(fault, "on an event loop")),
            });
        }
        catch (IOException e)
        {
            throw new ForwardException($"the event loops cannot be started ({Printable.Escape(e.Message)}): the process may have {descriptorLimit} descriptors; raise the limit (ulimit -n, or LimitNOFILE= in its unit)", e);
        }
    }

    /// <summary>What a network is called.</summary>
    public string NameOf(INetwork network) => network == portable ? "portable" : "native";

    /// <summary>Completes when every event loop has done a turn.</summary>
    public Task ProbeAsync()
    {
        return OperatingSystem.IsLinux() && native is NativeNetwork loops
            ? Task.WhenAll(loops.Loops.Select(loop => loop.RunAsync(static () => Task.CompletedTask)))
            : Task.CompletedTask;
    }

    public void Dispose()
    {
        native?.Dispose();
        portable.Dispose();
    }
}
