using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>Packets from outside with a source address that is one of the mesh's: they must neither arrive nor open a way out.</summary>
[Trait("Category", "Attack")]
public sealed class SpoofedSourceTests : IClassFixture<World>
{
    private const uint Uplink = 99;
    private readonly World _world;

    public SpoofedSourceTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    /// <summary>Families, protocols and whose address is spoofed.</summary>
    public static TheoryData<bool, byte, string> Sources
    {
        get
        {
            TheoryData<bool, byte, string> data = [];
            foreach (bool v6 in (bool[])[false, true])
            {
                foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
                {
                    foreach (string whose in (string[])["local", "remote", "service"]) data.Add(v6, protocol, whose);
                }
            }
            return data;
        }
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private IPEndPoint Of(string whose, bool v6) => whose switch
    {
        "local" => _world.B.At(v6, 9053),
        "remote" => new IPEndPoint(World.Remote(v6), 9053),
        _ => new IPEndPoint(World.Vip(v6), WorldContent.ToRemote),
    };

    private Packet Spoofed(bool v6, byte protocol, IPEndPoint source) =>
        protocol == Packet.Tcp ? Packet.OfTcp(source, _world.A.At(v6, 5556), TcpFlags.Syn) : Packet.OfUdp(source, _world.A.At(v6, 5556));

    [Theory, MemberData(nameof(Sources))]
    public void Attack_an_external_sender_that_speaks_as_one_of_the_mesh_opens_nothing(bool v6, byte protocol, string whose)
    {
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        Packet spoofed = Spoofed(v6, protocol, Of(whose, v6));
        _world.ToPod(_world.A, spoofed, Uplink).Dropped(CvReason.SpoofedSource);
        _world.ToPod(_world.A, spoofed).Dropped(CvReason.SpoofedSource);
        if (protocol == Packet.Tcp) _world.ToPod(_world.A, spoofed with { Flags = TcpFlags.Ack }, Uplink).Dropped(CvReason.SpoofedSource);
        Assert.Empty(_world.Maps.Flows.ToList());
        Outcome answer = _world.FromPod(_world.A, spoofed.Reply(TcpFlags.Ack));
        Assert.NotEqual(Outcome.Ok, answer.Code);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_an_excluded_port_lets_no_pod_of_the_node_be_spoken_for(bool v6, byte protocol)
    {
        _world.ExcludePort(World.Generation, 5556);
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        foreach (string whose in (string[])["local", "service"]) _world.ToPod(_world.A, Spoofed(v6, protocol, Of(whose, v6)), Uplink).Dropped(CvReason.SpoofedSource);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void An_excluded_port_takes_plaintext_of_workloads_elsewhere(bool v6, byte protocol)
    {
        _world.ExcludePort(World.Generation, 5556);
        Packet first = Spoofed(v6, protocol, Of("remote", v6));
        _world.ToPod(_world.A, first, Uplink).Passed();
        _world.FromPod(_world.A, first.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_what_was_let_in_by_address_ends_when_the_address_becomes_a_workloads(bool v6, byte protocol)
    {
        Packet first = Spoofed(v6, protocol, new IPEndPoint(World.External(v6), 9053));
        _world.ToPod(_world.A, first, Uplink).Passed();
        WorldContent.Fill(_world, 8);
        _world.SetAddress(8, World.External(v6), new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 40, AnonClass = 41 });
        _world.Maps.Activate(8);
        // Its answer is for a workload elsewhere now: through the proxy, which is not there.
        Assert.Equal([CvReason.ProxyDown], _world.FromPod(_world.A, first.Reply(TcpFlags.Ack)).Drops);
        _world.ToPod(_world.A, first with { Flags = TcpFlags.Ack }, Uplink).Dropped(CvReason.SpoofedSource);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_errors_and_echoes_in_a_pods_name_are_refused(bool v6)
    {
        Packet echo = Packet.OfIcmp(_world.B.Address(v6), _world.A.Address(v6), v6 ? (byte)128 : (byte)8);
        _world.ToPod(_world.A, echo, Uplink).Dropped(CvReason.SpoofedSource);
        _world.ToPod(_world.A, echo, _world.B.Index).Passed();
    }

    [Fact]
    public void Attack_an_address_of_the_node_itself_does_not_come_by_an_uplink()
    {
        Packet probe = Packet.OfTcp(new(World.Node(true), 50000), _world.A.At(true, 80), TcpFlags.Syn);
        _world.Run(Hook.FromNet, probe, _world.C.Index).Dropped(CvReason.SpoofedSource);
    }
}
