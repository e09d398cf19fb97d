namespace Fairlead;

/// <summary>
/// The forwards that carry the passive ports of FTP servers whose sessions are encrypted from end to end: who cannot read which port is agreed on carries all of them, one to one.
/// </summary>
internal static class FtpDataForwards
{
    /// <summary>The forwards, and behind each the one of its data, if it needs one.</summary>
    public static IReadOnlyList<ForwardConfig> With(IReadOnlyList<ForwardConfig> forwards) => forwards.Any(Needs) ? [.. forwards.SelectMany(forward => Needs(forward) ? [forward, Of(forward)] : (ForwardConfig[])[forward])] : forwards;

    private static bool Needs(ForwardConfig forward) => forward is { Protocol: ConversationKind.Ftp, Ftp: { Tls: FtpTls.Pass, Ports: not null } };

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
