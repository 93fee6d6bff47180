namespace Culvert.Bench.Load;

/// <summary>Where a client stands and what it calls.</summary>
/// <param name="Netns">The client pod's network namespace.</param>
/// <param name="Host">Address to connect to.</param>
/// <param name="HttpPort">Port of the HTTP application.</param>
/// <param name="BulkPort">Port of the iperf3 server.</param>
internal sealed record Target(string Netns, string Host, int HttpPort, int BulkPort)
{
    public string Url => $"http://{Host}:{HttpPort}/";
}
