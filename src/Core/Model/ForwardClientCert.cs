namespace Culvert.Core;

/// <summary>What becomes of <c>x-forwarded-client-cert</c> in requests of HTTP to workloads of the mesh, the header by which Envoy tells applications who their client is.</summary>
public enum ForwardClientCert
{
    /// <summary>It is a header as any: nobody may believe it.</summary>
    Off,

    /// <summary>What clients send is removed, and the header says which identity the client has proven. All ports of HTTP are read by the proxy for it, also on one node.</summary>
    SanitizeSet,
}
