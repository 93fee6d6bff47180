using Culvert.Bench.Datagrams;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Where a client stands and what it calls.</summary>
/// <param name="Client">The client's pod.</param>
/// <param name="Host">Address to connect to.</param>
/// <param name="HttpPort">Port of the HTTP application.</param>
/// <param name="BulkPort">Port of the iperf3 server.</param>
internal sealed record Target(LabPod Client, string Host, int HttpPort, int BulkPort)
{
    /// <summary>What it offers for datagrams; null for nothing.</summary>
    public DatagramTarget? Datagrams { get; init; }

    /// <summary>Processes of its proxies, on all nodes that its requests pass.</summary>
    public IReadOnlyList<int> Proxies { get; init; } = [];

    public string Url => $"http://{Host}:{HttpPort}/";

    /// <summary>Runs a load program in the client's pod.</summary>
    /// <returns>Its standard output.</returns>
    /// <exception cref="ToolFailedException">It failed or did not end soon after the time it should run for.</exception>
    public async Task<string> RunLoadAsync(string program, IReadOnlyList<string> arguments, TimeSpan duration, CancellationToken cancellationToken)
    {
        ToolResult result = await Client.RunAsync(program, arguments, timeout: duration + TimeSpan.FromSeconds(20), cancellationToken: cancellationToken);
        if (result.Succeeded) return result.Output;
        throw new ToolFailedException(
            $"{program} towards {Host} in {Client.Namespace} ended with status {result.ExitCode}: {result.Error.Trim()} {result.Output.Trim()}");
    }
}
