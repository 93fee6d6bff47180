namespace Culvert.Core;

/// <summary>The directions in which NetworkPolicies isolate a workload.</summary>
public enum PolicyDirection
{
    /// <summary>Connections that others begin.</summary>
    Ingress,

    /// <summary>Connections that it begins itself.</summary>
    Egress,
}
