namespace Fairlead.Bench;

/// <summary>A measurement has no value: the peer did not start, or traffic did not pass. The round goes on without it.</summary>
sealed class MeasureException(string message) : Exception(message);
