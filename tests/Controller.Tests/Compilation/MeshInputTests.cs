using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;

namespace Culvert.Controller.Tests;

/// <summary>Which objects compilation is told of.</summary>
public sealed class MeshInputTests
{
    [Fact]
    public void AKindThatNobodyKnowsIsAnErrorAndNotPassedOver()
    {
        Unknown added = new(new ObjectMeta { Name = "one", Origin = new FileOrigin("a.yaml", 1) });
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => new MeshInput().Replace(null, added, new DirtyResources()));
        Assert.Contains(nameof(Unknown), error.Message, StringComparison.Ordinal);
    }

    private sealed record Unknown(ObjectMeta Meta) : MeshObject((ObjectKind)1000, Meta);
}
