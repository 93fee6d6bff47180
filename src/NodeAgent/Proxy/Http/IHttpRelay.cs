using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Carries HTTP between a client and a server. Belongs to its loop's thread.</summary>
internal interface IHttpRelay : IRunningConnection
{
    /// <summary>Runs until the connection is over; both transports are closed then.</summary>
    ValueTask RunAsync();
}
