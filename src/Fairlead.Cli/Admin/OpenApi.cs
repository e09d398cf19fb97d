namespace Fairlead.Cli;

/// <summary>The description of the API (OpenAPI 3.1), as it stands in <c>docs/openapi.json</c>.</summary>
internal static class OpenApi
{
    public static ReadOnlyMemory<byte> Bytes { get; } = Read();

    private static byte[] Read()
    {
        using var resource = typeof(OpenApi).Assembly.GetManifestResourceStream("openapi.json")!;
        using var bytes = new MemoryStream();
        resource.CopyTo(bytes);
        return bytes.ToArray();
    }
}
