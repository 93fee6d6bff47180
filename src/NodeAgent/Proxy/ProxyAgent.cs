using Culvert.NodeAgent.Proxy.Captured;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>What the proxy asks of the agent around it; handed out part by part to those who ask.</summary>
/// <param name="Directory">Addresses.</param>
/// <param name="Authorizer">Policy.</param>
/// <param name="Certificates">Credentials.</param>
/// <param name="Observer">Metrics, logs and flows.</param>
/// <param name="Replies">Where sessions of datagrams announce the answers they wait for.</param>
/// <param name="Translated">Connections that reach the proxy with another address than was asked for.</param>
/// <param name="Draws">Which backends the kernel has drawn for datagrams.</param>
/// <param name="TunnelSource">From which addresses tunnels are opened.</param>
/// <param name="Spaces">Which workloads are captured inside their namespaces.</param>
internal readonly record struct ProxyAgent(
    IProxyDirectory Directory, IProxyAuthorizer Authorizer, ICertificateSource Certificates, IProxyObserver Observer, IReplyTable Replies, ITranslatedConnections Translated,
    IDatagramDraws Draws, ITunnelSource TunnelSource, IPodSpaces Spaces);
