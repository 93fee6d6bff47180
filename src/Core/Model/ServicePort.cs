namespace Culvert.Core;

/// <summary>One port of a service with the backends it leads to.</summary>
public sealed record ServicePort
{
    /// <summary>The port's name; empty where the service has one port without name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The port on the virtual address: 1..65535.</summary>
    public required ushort Port { get; init; }

    /// <summary>The port at the backends as declared; a backend's own port is what counts.</summary>
    public ushort TargetPort { get; init; }

    /// <summary>TCP or UDP.</summary>
    public TransportProtocol Protocol { get; init; } = TransportProtocol.Tcp;

    /// <summary>The application protocol as declared (<c>http</c>, <c>kubernetes.io/h2c</c> ...), or null: bytes.</summary>
    public string? AppProtocol { get; init; }

    /// <summary>How one of <see cref="Backends"/> is chosen; <see cref="LoadBalancing.Random"/> unless declared.</summary>
    public LoadBalancing LoadBalancing { get; init; }

    /// <summary>What holds for requests to it, where it is a port of HTTP; null: nothing.</summary>
    public RequestSettings? Requests { get; init; }

    /// <summary>Healthy backends, ordered by address.</summary>
    public EquatableArray<ServiceBackend> Backends { get; init; }
}
