namespace Fairlead.Cli;

/// <summary>Something besides the forwards cannot be had: the admin socket, the access log. The message names the place and the remedy.</summary>
internal sealed class StartException(string message, Exception? inner = null) : Exception(message, inner);
