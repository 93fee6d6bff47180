namespace Culvert.Kubernetes.Resources;

/// <summary>How the kubelet asks a container whether it is well.</summary>
public sealed record Probe
{
    /// <summary>By HTTP, or null.</summary>
    public HttpGetAction? HttpGet { get; init; }

    /// <summary>By connecting, or null.</summary>
    public PortAction? TcpSocket { get; init; }

    /// <summary>By gRPC, or null.</summary>
    public PortAction? Grpc { get; init; }
}
