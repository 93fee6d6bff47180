namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>What <see cref="LogThrottle{TKey}"/> says about one failure.</summary>
/// <param name="Log">Whether to log it.</param>
/// <param name="Suppressed">How many of the same key were not logged since the last that was.</param>
/// <param name="IsLast">Whether it is the last line of this interval, whoever fails.</param>
internal readonly record struct ThrottledLine(bool Log, int Suppressed, bool IsLast);
