namespace Culvert.SystemTests.Fixtures;

/// <summary>Tests that measure, on networks of their own: they run beside no other test.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
