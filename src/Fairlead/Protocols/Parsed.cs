namespace Fairlead;

/// <summary>What a parser makes of the bytes that have arrived so far: a whole value, too few bytes to tell (<c>default</c>), or something wrong.</summary>
internal readonly record struct Parsed<T>
{
    /// <summary>The value; of no meaning unless it is whole.</summary>
    public T? Value { get; init; }

    /// <summary>How many bytes the value took, at least 1; what follows them is not its. 0 unless it is whole: nothing is consumed.</summary>
    public int Length { get; init; }

    /// <summary>What is wrong, in plain words, a stranger's text in it escaped; null if nothing is.</summary>
    public string? Fault { get; init; }

    /// <summary>The number of the answer to what is wrong, where the protocol has one (HTTP's status); else 0.</summary>
    public int Code { get; init; }

    /// <summary>Whether the value is there.</summary>
    public bool IsWhole => Length > 0;

    /// <summary>Whether more bytes are needed to tell.</summary>
    public bool NeedsMore => Length == 0 && Fault is null;
}

/// <summary>Makes <see cref="Parsed{T}"/>s.</summary>
internal static class Parsed
{
    /// <summary>A value that took so many bytes.</summary>
    public static Parsed<T> Whole<T>(T value, int length) => new() { Value = value, Length = length };

    /// <summary>Bytes that no more bytes can mend.</summary>
    public static Parsed<T> Wrong<T>(string fault, int code = 0) => new() { Fault = fault, Code = code };
}
