namespace Fairlead.Ssh;

/// <summary>Bytes that are not what RFC 4251 section 5 says they should be: a packet, a key, or a signature that a stranger made.</summary>
internal sealed class SshFormatException(string message) : Exception(message);
