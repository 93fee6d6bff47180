namespace Culvert.Bench.Load;

/// <summary>What one run of iperf3 reported, counted where the bytes arrived.</summary>
/// <param name="BitsPerSecond">Rate.</param>
/// <param name="Bytes">Bytes in all.</param>
internal sealed record IperfResult(double BitsPerSecond, double Bytes);
