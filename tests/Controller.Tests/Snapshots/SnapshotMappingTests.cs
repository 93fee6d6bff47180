using Culvert.Controller.Compilation;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

public sealed class SnapshotMappingTests
{
    [Fact]
    public void SnapshotsSurviveTheWire()
    {
        foreach (string folder in Directory.GetDirectories(Path.Combine(Repository.Root, "tests", "Controller.Tests", "Cases")))
        {
            ObjectSet objects = ObjectSetReader.Read(new FolderReader(folder).Read(), ObjectSet.Empty);
            NodeSnapshot snapshot = MeshCompiler.Compile(objects, [new byte[] { 1, 2 }]).SnapshotFor("node-1") with { Version = 7 };
            SnapshotResponse response = SnapshotResponse.Parser.ParseFrom(Google.Protobuf.MessageExtensions.ToByteArray(snapshot.ToFullResponse("e")));
            NodeSnapshot back = SnapshotMapping.Apply(new(), "node-1", response);
            Assert.Equal(SnapshotJson.Render(snapshot), SnapshotJson.Render(back));
            Assert.Equal(snapshot.Mesh, back.Mesh);
            Assert.Equal(snapshot.TrustBundle, back.TrustBundle);
            Assert.Equal(snapshot.Problems, back.Problems);
            Assert.Equal((objects.Errors.Length, objects.Warnings.Length), (back.Problems.Errors, back.Problems.Warnings));
            Assert.All(snapshot.Workloads, p => Assert.Equal(p.Value, back.Workloads[p.Key]));
            Assert.All(snapshot.Services, p => Assert.Equal(p.Value, back.Services[p.Key]));
            Assert.All(snapshot.Policies, p => Assert.Equal(p.Value, back.Policies[p.Key]));
            Assert.All(snapshot.HttpRoutes, p => Assert.Equal(p.Value, back.HttpRoutes[p.Key]));
            Assert.Equal((7ul, "node-1"), (back.Version, back.Node));
        }
    }

    [Fact]
    public void TheOwnerOfAPodIsForAllNodesAndOneOfAnUnknownKindIsNone()
    {
        WorkloadInfo workload = new()
        {
            Uid = "u",
            Name = new NamespacedName("shop", "web-1"),
            ServiceAccount = "web",
            Identity = SpiffeId.Parse("spiffe://td/ns/shop/sa/web"),
            Node = "n",
            Addresses = [System.Net.IPAddress.Loopback],
            Owner = new Culvert.Core.WorkloadOwner(Culvert.Core.WorkloadOwnerKind.Deployment, "web"),
        };
        Workload wire = workload.Shared()!.ToWire();
        Assert.Equal(workload.Owner, wire.ToModel().Owner);
        wire.Owner.Kind = (Culvert.Protocol.V1.WorkloadOwnerKind)99;
        Assert.Null(wire.ToModel().Owner);
        wire.Owner = null;
        Assert.Null(wire.ToModel().Owner);
    }

    [Fact]
    public void BundlesOfOtherTrustDomainsComeAndGoWithTheMeshs()
    {
        Culvert.Core.TrustBundle own = new("cluster.local", [new byte[] { 1 }]), one = new("one.example", [new byte[] { 2 }, new byte[] { 3 }]), two = new("two.example", []);
        NodeSnapshot first = SnapshotMapping.Apply(new(), "n", (new NodeSnapshot { Version = 1, TrustBundle = own, FederatedBundles = [one, two] }).ToFullResponse("e"));
        Assert.Equal([one, two], first.FederatedBundles);
        NodeSnapshot second = SnapshotMapping.Apply(first, "n", new() { Version = 2, BaseVersion = 1, Upserts = { new Resource { TrustBundle = own.ToWire([two]) } } });
        Assert.Equal([two], second.FederatedBundles);
        Assert.Equal(own, second.TrustBundle);

        // As of a controller that knows nothing of them.
        Assert.Empty(SnapshotMapping.Apply(second, "n", new() { Version = 3, BaseVersion = 2, Upserts = { new Resource { TrustBundle = own.ToWire() } } }).FederatedBundles);
        Assert.Empty(SnapshotMapping.Apply(second, "n", new() { Version = 3, BaseVersion = 2, Removals = { new ResourceName { Kind = ResourceKind.TrustBundle, Name = "cluster.local" } } }).FederatedBundles);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void BundlesOfOtherTrustDomainsThatCanNotBeAreLeftOutAndTheMeshsIsTaken()
    {
        Culvert.Protocol.V1.TrustBundle Of(string trustDomain) => new() { TrustDomain = trustDomain };
        Culvert.Protocol.V1.TrustBundle told = new() { TrustDomain = "td", Federated = { Of("td"), Of("good.example"), Of("twice.example"), Of("twice.example"), Of(""), Of("Bad"), Of("more.example") } };
        NodeSnapshot read = SnapshotMapping.Apply(new(), "n", new() { Version = 1, Upserts = { new Resource { TrustBundle = told } } });
        Assert.Equal("td", read.TrustBundle.TrustDomain);
        Assert.Equal(["good.example", "more.example"], read.FederatedBundles.Select(b => b.TrustDomain));
        told.Federated.Add(Enumerable.Range(0, 100).Select(i => Of($"d{i}")));
        Assert.Equal(Culvert.Core.TrustBundle.MostFederated, SnapshotMapping.Apply(new(), "n", new() { Version = 1, Upserts = { new Resource { TrustBundle = told } } }).FederatedBundles.Count);
    }

    public static TheoryData<string, string, Resource> BadResources => new()
    {
        { "identity", "does not begin with spiffe://", new() { Workload = new() { Uid = "u", Namespace = "a", Name = "b", ServiceAccount = "s", Identity = "x", MtlsMode = Culvert.Protocol.V1.MtlsMode.Strict } } },
        { "mode", "mtls_mode", new() { Workload = new() { Uid = "u", Namespace = "a", Name = "b", ServiceAccount = "s", Identity = "spiffe://td/x" } } },
        { "missing policy", "names policy a/p", new() { Workload = new() { Uid = "u", Namespace = "a", Name = "b", ServiceAccount = "s", Identity = "spiffe://td/x", MtlsMode = Culvert.Protocol.V1.MtlsMode.Strict, Policies = { "a/p" } } } },
        { "port", "1..65535", new() { Service = new() { Namespace = "a", Name = "b", Ports = { new Culvert.Protocol.V1.ServicePort { Port = 70000, Protocol = Culvert.Protocol.V1.TransportProtocol.Tcp } } } } },
        { "address", "3 bytes", new() { Service = new() { Namespace = "a", Name = "b", Vips = { Google.Protobuf.ByteString.CopyFrom(1, 2, 3) } } } },
        { "action", "action", new() { Policy = new() { Namespace = "a", Name = "b" } } },
        { "trust domain", "trust domain", new() { Mesh = new() } },
        { "nothing", "does not know", new() },
    };

    [Theory]
    [MemberData(nameof(BadResources))]
    public void BadResourcesAreNamedAndTheOldSnapshotStays(string name, string reason, Resource resource)
    {
        var old = new NodeSnapshot { Node = "n", Version = 3 };
        var e = Assert.Throws<MappingException>(() => SnapshotMapping.Apply(old, "n", new() { Version = 4, BaseVersion = 3, Upserts = { resource } }));
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Resource);
        Assert.NotEmpty(name);
        Assert.Empty(old.Workloads);
    }

    [Fact]
    public void DeltaOnTopOfAnotherVersionIsRefused() =>
        Assert.Throws<MappingException>(() => SnapshotMapping.Apply(new NodeSnapshot { Version = 3 }, "n", new() { Version = 5, BaseVersion = 4 }));
}
