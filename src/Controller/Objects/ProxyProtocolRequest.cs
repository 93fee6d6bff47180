using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>What an object asks for: PROXY protocol v2 headers at some ports.</summary>
/// <param name="Ports">The ports; empty when it asks for none.</param>
/// <param name="IsBare">Addresses only, without TLVs.</param>
internal readonly record struct ProxyProtocolRequest(EquatableArray<TransportPort> Ports, bool IsBare)
{
    public bool IsEmpty => Ports.IsEmpty;
}
