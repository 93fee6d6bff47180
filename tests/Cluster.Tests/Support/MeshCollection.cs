namespace Culvert.ClusterTests.Support;

/// <summary>The tests that use the one <see cref="InstalledMesh"/>.</summary>
[CollectionDefinition(Name)]
public sealed class MeshCollection : ICollectionFixture<InstalledMesh>
{
    public const string Name = "mesh";
}
