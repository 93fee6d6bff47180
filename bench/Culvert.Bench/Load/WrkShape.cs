namespace Culvert.Bench.Load;

/// <summary>How wrk loads its target.</summary>
/// <param name="Threads">Threads of wrk.</param>
/// <param name="Connections">Connections at once.</param>
/// <param name="CloseEachTime">Whether every request has a connection of its own.</param>
internal sealed record WrkShape(int Threads, int Connections, bool CloseEachTime);
