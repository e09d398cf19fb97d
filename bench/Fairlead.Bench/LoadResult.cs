namespace Fairlead.Bench;

/// <summary>What a client saw that asks as fast as it is answered. Latencies in milliseconds.</summary>
readonly record struct LoadResult(double PerSecond, double Median, double P99, double Requests);
