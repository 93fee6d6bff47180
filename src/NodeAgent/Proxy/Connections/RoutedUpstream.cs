namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>The path of a connection whose requests are routed: it has none, as each of them has its own.</summary>
internal sealed class RoutedUpstream : IUpstream
{
    internal static RoutedUpstream Instance { get; } = new();

    /// <inheritdoc/>
    public ValueTask<UpstreamResult> ConnectAsync(ProxiedConnection connection) => throw new InvalidOperationException("requests that are routed were to go by one connection");
}
