namespace Culvert.Tests.Shared;

/// <summary>Tests that no other may run beside: they measure, or look at what the whole process has.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    /// <summary>The collection's name.</summary>
    public const string Name = "alone";
}
