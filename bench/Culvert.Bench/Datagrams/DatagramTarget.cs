namespace Culvert.Bench.Datagrams;

/// <summary>What a target offers for datagrams.</summary>
/// <param name="Count">ADDRESS:PORT where they are counted.</param>
/// <param name="Echo">ADDRESS:PORT where they are answered.</param>
/// <param name="Counter">File of the count.</param>
internal sealed record DatagramTarget(string Count, string Echo, string Counter);
