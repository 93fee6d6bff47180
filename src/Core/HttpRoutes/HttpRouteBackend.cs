namespace Culvert.Core;

/// <summary>Where a rule's requests go.</summary>
/// <param name="Service">The Service; null: the reference means nothing that can be a backend, and its share is answered 500.</param>
/// <param name="Port">The Service's port.</param>
/// <param name="Weight">Its share against its siblings: 0 to 1,000,000.</param>
public sealed record HttpRouteBackend(NamespacedName? Service, ushort Port, int Weight = 1)
{
    /// <summary>What is changed of the requests that go there, after the rule's own changes, and of their responses, before them.</summary>
    public HttpRouteFilters Filters { get; init; } = HttpRouteFilters.None;
}
