using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>A relay that runs, and its far ends.</summary>
/// <param name="Lab">Where.</param>
/// <param name="Relay">The relay.</param>
/// <param name="Client">The far end of the side that opened.</param>
/// <param name="Server">The far end of the other.</param>
/// <param name="Running">Ends with it.</param>
internal sealed record RelayUnderTest(TransportLab Lab, ByteRelay Relay, FarEnd Client, FarEnd Server, Task<ProxyFailure> Running)
{
    /// <summary>Why it ended.</summary>
    internal Task<ProxyFailure> EndAsync() => Running.WaitAsync(TimeSpan.FromSeconds(20));
}
