namespace Culvert.Core;

/// <summary>What a backend is asked to find out how it does.</summary>
public enum HealthCheckKind
{
    /// <summary>A GET request, whose status counts.</summary>
    Http,

    /// <summary>A call of <c>grpc.health.v1.Health/Check</c>, whose answer counts.</summary>
    Grpc,

    /// <summary>Nothing: it has to take a connection.</summary>
    Tcp,
}
