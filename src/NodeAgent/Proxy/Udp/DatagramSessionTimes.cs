namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>How long sessions of datagrams are kept.</summary>
/// <param name="Idle">Without a datagram.</param>
/// <param name="Refusal">One that was refused, before policy and routes are asked again.</param>
/// <param name="Retry">One that has failed in a way that may pass.</param>
internal sealed record DatagramSessionTimes(TimeSpan Idle, TimeSpan Refusal, TimeSpan Retry);
