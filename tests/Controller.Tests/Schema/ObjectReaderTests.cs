using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Tests;

/// <summary>What becomes of an object whose reader has a fault.</summary>
public sealed class ObjectReaderTests
{
    [Fact]
    public void AFaultOfAReaderIsAnErrorOfItsObject()
    {
        FileOrigin origin = new("a.yaml", 0, "spec: {}", 1);
        ErrorSink errors = new(origin);
        FieldReader root = new(Assert.IsType<MapNode>(Assert.Single(DocumentReader.Read("a.yaml", origin.Text)).Value), "", errors);
        Assert.Null(ObjectReader.ReadSafely(root, new ObjectMeta { Name = "a", Namespace = "b", Origin = origin }, (_, _) => throw new InvalidOperationException("oh")));
        Assert.Equal("can't be read, which is a fault of this controller: InvalidOperationException: oh", Assert.Single(errors.Errors).Reason);
    }
}
