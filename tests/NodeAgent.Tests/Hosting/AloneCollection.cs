namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>Tests that nothing may run beside: they look at what the whole process has open.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    /// <summary>The collection's name.</summary>
    public const string Name = "alone";
}
