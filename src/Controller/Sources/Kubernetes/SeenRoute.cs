namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What is known of a route for its status.</summary>
/// <param name="ResourceVersion">The version at the server, of the status, too.</param>
/// <param name="Generation">The version of the route itself.</param>
/// <param name="Parents">Its parents that are Services.</param>
/// <param name="Entries">What its status says, by whichever controller.</param>
internal sealed record SeenRoute(string ResourceVersion, long Generation, IReadOnlyList<RouteParent> Parents, IReadOnlyList<ParentEntry> Entries);
