namespace Culvert.Bench.Sides;

/// <summary>What one start of an agent with empty state cost.</summary>
/// <param name="Elapsed">From starting the process to its readiness endpoint saying yes.</param>
/// <param name="CpuSeconds">CPU time of the process until then.</param>
/// <param name="FirstRequest">How long the first request of a pod took after that: from its connect() to the whole response.</param>
internal sealed record AgentStart(TimeSpan Elapsed, double CpuSeconds, TimeSpan FirstRequest);
