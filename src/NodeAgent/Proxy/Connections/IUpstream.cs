namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>The path to a connection's other end. Belongs to its loop's thread.</summary>
internal interface IUpstream
{
    /// <summary>Connects; called once, as places and answers are for one connection.</summary>
    /// <param name="connection">On whose behalf. It may have been aborted when this returns.</param>
    ValueTask<UpstreamResult> ConnectAsync(ProxiedConnection connection);
}
