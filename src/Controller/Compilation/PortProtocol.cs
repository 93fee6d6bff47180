using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>What a Service's port speaks, as it says itself.</summary>
internal static class PortProtocol
{
    // A port whose name begins with one of these, alone or with "-" and more behind it, speaks it.
    private static readonly string[] Named = ["http", "http2", "grpc"];

    /// <summary>The port's <c>appProtocol</c>; where it has none, what its name says by the convention of service meshes: <c>http</c>, <c>http2</c> or <c>grpc</c>, alone or with a suffix behind a hyphen. Null when it says nothing.</summary>
    /// <param name="port">The port.</param>
    internal static string? Of(ServicePortObject port) =>
        port.AppProtocol ?? (port.Protocol == TransportProtocol.Tcp ? Named.FirstOrDefault(p => port.Name == p || port.Name.StartsWith($"{p}-", StringComparison.Ordinal)) : null);
}
