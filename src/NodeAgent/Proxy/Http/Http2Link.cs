using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A connection of HTTP/2 with an application, or with the other node's proxy in its place. Belongs to its loop's thread.</summary>
/// <param name="transport">The transport; owned from here on.</param>
/// <param name="requests">Takes the requests of a client; null towards a server.</param>
/// <param name="options">HTTP/2 settings.</param>
/// <param name="holder">Whose account buffers are on for what streams have for slow readers.</param>
/// <param name="user">Who uses it.</param>
/// <param name="time">The clock.</param>
internal sealed class Http2Link(ITransport transport, IHttp2Requests<Http2Driver>? requests, Http2Options options, in BudgetHolder holder, IHttp2LinkUser user, TimeProvider time)
    : Http2Driver(transport, requests, options, idleTimeout: TimeSpan.MaxValue, holder, time) // it lasts as long as the one that it belongs to
{
    /// <inheritdoc/>
    protected override void OnSettings() => user.OnSettings(this);

    /// <inheritdoc/>
    protected override void OnGoAway() => user.OnGoAway(this);

    /// <inheritdoc/>
    protected override void OnClosing() => user.OnClosed(this);
}
