namespace Fairlead;

/// <summary>
/// The forwards that carry the passive ports of FTP servers whose sessions are encrypted from end to end: who cannot read which port is agreed on carries all of them, one to one.
/// </summary>
internal static class FtpDataForwards
{
    /// <summary>The forwards, and behind each the one of its data, if it needs one.</summary>
    public static IReadOnlyList<ForwardConfig> With(IReadOnlyList<ForwardConfig> forwards) => forwards.Any(Needs) ? [.. forwards.SelectMany(forward => Needs(forward) ? [forward, Of(forward)] : (ForwardConfig[])[forward])] : forwards;

    /// <summary>What is wrong with the forwards, those of the data included: their faults stand at <c>ftp.ports</c> of the forward that they are for.</summary>
    public static IEnumerable<Fault> Find(IReadOnlyList<ForwardConfig> forwards, HubConfig? hub = null)
    {
        var owners = Enumerable.Range(0, forwards.Count).SelectMany(number => Needs(forwards[number]) ? [(number, false), (number, true)] : ((int Number, bool IsOfData)[])[(number, false)]).ToList();
        return ForwardRules.Find(With(forwards), hub).Select(fault =>
        {
            var (number, isOfData) = OwnerOf(fault.Forward);
            var own = fault with { Forward = number, Key = isOfData ? "ftp.ports" : fault.Key };
            return fault.Other is not { } other ? own
                : own with { Other = other with { Forward = OwnerOf(other.Forward).Number, Key = OwnerOf(other.Forward).IsOfData ? "ftp.ports" : other.Key } };
        });

        (int Number, bool IsOfData) OwnerOf(int forward) => forward == Fault.OfFile ? (Fault.OfFile, false) : owners[forward];
    }

    private static bool Needs(ForwardConfig forward) => forward is { At: null, Protocol: ConversationKind.Ftp, Ftp: { Tls: FtpTls.Pass, Ports: not null } };

    private static ForwardConfig Of(ForwardConfig forward)
    {
        var ports = forward.Ftp.Ports!.Value;
        return forward with
        {
            Name = forward.Name is { } name ? $"{name}-data" : null,
            Listen = [.. forward.Listen.OfType<PortEndpoint>().Select(listen => listen with { Ports = ports })],
            To = [.. forward.To.Select(upstream => upstream with { Address = upstream.Address is PortEndpoint port ? port with { Ports = ports } : upstream.Address })],
            Protocol = ConversationKind.Tcp,
            Ftp = new FtpConfig(),
            Health = null,
        };
    }
}
