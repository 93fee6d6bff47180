using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>The same mesh with all pods captured inside their network namespaces.</summary>
public sealed class InsideMeshFixture : MeshFixture
{
    private protected override MeshLabOptions Options => new() { Capture = "inside" };
}

/// <summary>Tests that share it, one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class InsideMeshCollection : ICollectionFixture<InsideMeshFixture>
{
    public const string Name = "mesh inside";
}
