using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

public sealed class BackendSlotsTests
{
    private static readonly ushort[] Fine = [997, 1009, 1013], Small = [1, 1];

    [Fact]
    public void Where_there_is_room_every_port_has_what_its_weights_take() =>
        Assert.Empty(BackendSlots.FindCoarse([("greedy", Fine), ("shop", Small)], BackendSlots.Fine + 2));

    [Fact]
    [Trait("Category", "Attack")]
    public void Where_there_is_none_those_who_take_most_have_fewer() =>
        Assert.Equal(["greedy"], BackendSlots.FindCoarse([("greedy", Fine), ("greedy", Fine), ("other", Fine), ("shop", Small)], (2 * BackendSlots.Coarse) + BackendSlots.Fine + 2));

    [Fact]
    [Trait("Category", "Attack")]
    public void Weights_that_a_tenant_has_chosen_do_not_keep_others_from_the_kernel()
    {
        ServiceInfo[] services = [Service("greedy", "a", "10.96.0.1", Fine), Service("greedy", "b", "10.96.0.2", Fine), Service("shop", "web", "10.96.0.3", Small)];
        NodeSnapshot snapshot = TestMesh.Snapshot([], services: services);
        Generation generation = GenerationBuilder.Build(1, snapshot, PolicyCompiler.Compile(snapshot, new HashSet<string>(), new PolicyIds()), [], [], maxSlots: 300);
        Assert.Equal(["greedy"], generation.CoarseNamespaces);
        Assert.Equal((2 * BackendSlots.Coarse) + 2, generation.Size.Backends);
        Assert.Equal(3, generation.Size.Services);
    }

    private static ServiceInfo Service(string ns, string name, string address, ushort[] weights) => new()
    {
        Name = new(ns, name),
        Vips = [IPAddress.Parse(address)],
        Ports = [new() { Port = 80, Backends = weights.Select((w, i) => new ServiceBackend(null, IPAddress.Parse($"10.7.0.{i + 1}"), 8080, w)).ToEquatableArray() }],
    };
}
