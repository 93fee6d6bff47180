namespace Culvert.SystemTests.Fixtures;

/// <summary>Tests that share one running mesh, one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MeshCollection : ICollectionFixture<MeshFixture>
{
    public const string Name = "mesh";
}
