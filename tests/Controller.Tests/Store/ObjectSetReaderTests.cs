using Culvert.Controller.Objects;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;

namespace Culvert.Controller.Tests;

public sealed class ObjectSetReaderTests
{
    private static readonly ObjectKey Web = new(ObjectKind.Workload, "default", "web");
    private static readonly ObjectKey Api = new(ObjectKind.Workload, "default", "api");

    [Fact]
    public void InvalidObjectKeepsItsLastGoodVersionAndOthersMoveOn()
    {
        ObjectSet first = Read(ObjectSet.Empty, ("a.yaml", Workload("web", "10.0.0.1")), ("b.yaml", Workload("api", "10.0.0.2")));
        ObjectSet second = Read(first, ("a.yaml", Workload("web", "10.0.0.999")), ("b.yaml", Workload("api", "10.0.0.3")));
        Assert.Equal("10.0.0.1", Address(second, Web));
        Assert.Equal("10.0.0.3", Address(second, Api));
        Assert.Equal("a.yaml:4: Workload default/web: spec.addresses[0]: '10.0.0.999' is not an IP address", Assert.Single(second.Errors).ToString());
    }

    [Fact]
    public void UnreadableDocumentKeepsWhatCameFromItsFile()
    {
        ObjectSet first = Read(ObjectSet.Empty, ("a.yaml", Workload("web", "10.0.0.1")), ("b.yaml", Workload("api", "10.0.0.2")));
        Assert.Equal("10.0.0.1", Address(Read(first, ("a.yaml", "kind: [")), Web));
        Assert.Equal("10.0.0.1", Address(ObjectSetReader.Read([new("a.yaml", null, "is not UTF-8 text")], first), Web));
        Assert.False(Read(first, ("a.yaml", "# no object")).Objects.ContainsKey(Api));
    }

    [Fact]
    public void RemovedObjectsGo()
    {
        ObjectSet first = Read(ObjectSet.Empty, ("a.yaml", Workload("web", "10.0.0.1") + "---\n" + Workload("api", "10.0.0.2")));
        Assert.Equal([Web], Read(first, ("a.yaml", Workload("web", "10.0.0.1"))).Objects.Keys);
        Assert.Empty(Read(first).Objects);
    }

    [Fact]
    public void OfDuplicatesTheOneInForceStays()
    {
        ObjectSet first = Read(ObjectSet.Empty, ("b.yaml", Workload("web", "10.0.0.1")));
        ObjectSet second = Read(first, ("a.yaml", Workload("web", "10.0.0.2")), ("b.yaml", Workload("web", "10.0.0.1")));
        Assert.Equal("10.0.0.1", Address(second, Web));
        Assert.Equal("a.yaml:1: Workload default/web: is declared twice; the one at b.yaml:1 counts", Assert.Single(second.Errors).ToString());
    }

    [Fact]
    public void OwnerOfAnAddressKeepsIt()
    {
        ObjectSet first = Read(ObjectSet.Empty, ("a.yaml", Workload("web", "10.0.0.1")), ("b.yaml", Workload("api", "10.0.0.2")));
        ObjectSet second = Read(first, ("a.yaml", Workload("web", "10.0.0.1")), ("b.yaml", Workload("api", "10.0.0.1")));
        Assert.Equal(("10.0.0.1", "10.0.0.2"), (Address(second, Web), Address(second, Api)));
        Assert.Contains("10.0.0.1 belongs to Workload default/web already", Assert.Single(second.Errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AnObjectMayMoveToAnotherFile()
    {
        ObjectSet first = Read(ObjectSet.Empty, ("a.yaml", Workload("web", "10.0.0.1")));
        ObjectSet second = Read(first, ("b.yaml", "# moved\n" + Workload("web", "10.0.0.1")));
        Assert.Empty(second.Errors);
        Assert.Equal("b.yaml:2", second.Objects[Web].Meta.SourceReference);
    }

    internal static string Workload(string name, string address) =>
        $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}}}\nspec: {{node: node-1, addresses: [{address}]}}\n";

    private static ObjectSet Read(ObjectSet previous, params (string Name, string Text)[] files) =>
        ObjectSetReader.Read(files.Select(f => new SourceFile(f.Name, f.Text)), previous);

    private static string Address(ObjectSet set, ObjectKey key) => Assert.IsType<WorkloadObject>(set.Objects[key]).Addresses[0].ToString();
}
