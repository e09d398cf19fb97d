using System.Diagnostics;

namespace Fairlead;

/// <summary>Asks nft for the ruleset of this machine.</summary>
internal static class NftListing
{
    /// <summary>How long nft may take; a listing of ten thousand rules takes a tenth of that.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>The longest listing that is read.</summary>
    public const int Limit = 64 * 1024 * 1024;

    // By their full path: what is on a PATH may be somebody else's.
    private static readonly string[] places = ["/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft"];

    /// <summary>What <c>nft -j list ruleset</c> prints.</summary>
    /// <returns>Null where there is no nft, where it is refused (it wants CAP_NET_ADMIN), or where it takes too long or prints too much.</returns>
    public static ReadOnlyMemory<byte>? Read()
    {
        if (!OperatingSystem.IsLinux() || Array.Find(places, File.Exists) is not { } nft)
            return null;
        try
        {
            var start = new ProcessStartInfo(nft, ["-j", "list", "ruleset"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
            };
            using var process = Process.Start(start)!;
            try
            {
                process.StandardInput.Close();
                // Its complaints are nobody's business here, yet a pipe that is full would hold it up.
                process.ErrorDataReceived += static (_, _) => { };
                process.BeginErrorReadLine();
                using var deadline = new CancellationTokenSource(Patience);
                var json = ReadAsync(process.StandardOutput.BaseStream, deadline.Token).GetAwaiter().GetResult();
                if (json is null || !process.WaitForExit(Patience) || process.ExitCode != 0)
                    return null;
                return json;
            }
            finally
            {
                if (!process.HasExited)
                    process.Kill();
            }
        }
        catch (Exception error) when (error is System.ComponentModel.Win32Exception or IOException or InvalidOperationException or OperationCanceledException)
        {
            return null;
        }
    }

    private static async Task<byte[]?> ReadAsync(Stream output, CancellationToken cancellation)
    {
        using var json = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await output.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and var count)
        {
            if (json.Length + count > Limit)
                return null;
            json.Write(buffer, 0, count);
        }
        return json.ToArray();
    }
}
