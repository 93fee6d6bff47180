using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>What a Service's port speaks, as it says itself.</summary>
internal static class PortProtocol
{
    // gRPC-Web comes by HTTP/1.1 or HTTP/2, and its port's name does not say by which.
    private const string Silent = "grpc-web";

    private static readonly string[] Speaking = ["http", "http2", "grpc"];

    /// <summary>The port's <c>appProtocol</c>. Where it has none, what the name of a TCP port says by the convention of service meshes: <c>http</c>, <c>http2</c> or <c>grpc</c>, alone or with a suffix behind a hyphen. Null when it says nothing.</summary>
    /// <param name="port">The port.</param>
    internal static string? Of(ServicePortObject port) =>
        port.AppProtocol ?? (port.Protocol == TransportProtocol.Tcp && !IsNamed(port, Silent) ? Speaking.FirstOrDefault(p => IsNamed(port, p)) : null);

    private static bool IsNamed(ServicePortObject port, string protocol) => port.Name == protocol || port.Name.StartsWith($"{protocol}-", StringComparison.Ordinal);
}
