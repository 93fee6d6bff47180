namespace Culvert.SystemTests.Fixtures;

/// <summary>Tests that share the mesh of <see cref="LinkAttackFixture"/>, one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LinkAttackCollection : ICollectionFixture<LinkAttackFixture>
{
    public const string Name = "link-attack";
}
