namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>How a connection that had been opened ended.</summary>
/// <param name="BytesSent">Bytes from the client towards the application.</param>
/// <param name="BytesReceived">Bytes from the application towards the client.</param>
/// <param name="Duration">From opened to closed.</param>
/// <param name="Failure">None when both sides ended their streams.</param>
internal readonly record struct ProxyConnectionEnd(long BytesSent, long BytesReceived, TimeSpan Duration, ProxyFailure Failure);
