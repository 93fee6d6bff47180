namespace Culvert.Core;

/// <summary>What is at an address and port.</summary>
public enum AddresseeKind
{
    /// <summary>What has the address itself, in the mesh or not.</summary>
    Host,

    /// <summary>A port of a Service: one of its backends is meant.</summary>
    ServicePort,

    /// <summary>A Service that has no such port.</summary>
    UnknownServicePort,

    /// <summary>What configuration leaves alone, whatever it is.</summary>
    Excluded,
}
