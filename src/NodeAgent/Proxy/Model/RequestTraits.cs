using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What of one request has a say in which backend gets it.</summary>
/// <param name="Fields">Its header lines; null where they have none.</param>
/// <param name="Tried">The backends that it has been tried at, which get it again only where there is no other; null: none.</param>
internal readonly record struct RequestTraits(IRequestFields? Fields, TriedBackends? Tried = null);
