namespace Culvert.Bench.Scale;

/// <summary>One change of the world, and whose business it is.</summary>
/// <param name="Resource">Kind and name of the resource by which agents hear of it.</param>
/// <param name="Nodes">The nodes whose agents do.</param>
/// <param name="Apply">Makes it.</param>
internal sealed record ScaleChange(string Resource, IReadOnlyCollection<string> Nodes, Action Apply);
