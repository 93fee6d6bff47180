using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Kept;

/// <summary>Where responses of one port of a workload are kept, and which. Immutable.</summary>
/// <param name="Store">Where.</param>
/// <param name="Owner">The port.</param>
/// <param name="Settings">Which.</param>
internal sealed record ResponseCache(ResponseStore Store, KeptOwner Owner, ResponseCaching Settings);
