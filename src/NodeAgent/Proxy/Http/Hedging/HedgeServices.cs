using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Hedging;

/// <summary>What hedges of the requests of one client's connection go by. Belongs to its loop's thread.</summary>
/// <param name="Loop">The loop.</param>
/// <param name="Options">Limits.</param>
/// <param name="Routing">Where requests go.</param>
/// <param name="Http1">Connections to servers of HTTP/1.1.</param>
/// <param name="Http2">Gives those of HTTP/2, the same that the client's requests go by.</param>
/// <param name="Observer">Hears what has come of hedges.</param>
/// <param name="Time">The clock.</param>
internal sealed record HedgeServices(EventLoop Loop, HttpOptions Options, RequestRouting Routing, Http1Servers Http1, Func<Http2ServersOfClient> Http2, IRequestObserver Observer, TimeProvider Time);
