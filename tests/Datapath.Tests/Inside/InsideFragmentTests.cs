using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Inside;

/// <summary>Fragments of what a pod sends, and gets, that is captured inside its network namespace, whose kernel puts together what is for the proxy.</summary>
public sealed class InsideFragmentTests : IClassFixture<World>
{
    private const ushort Space = 5, OtherSpace = 6, FullSpace = 7;
    private static uint s_id = 5000;
    private readonly World _world;
    private readonly Workload _a;

    public InsideFragmentTests(World world)
    {
        _world = world;
        _world.Reset();
        _a = _world.SetInside(World.Generation, _world.A, Space);
    }

    private static IPEndPoint External(bool v6) => new(World.External(v6), 50000);

    private static (Packet First, Packet Later) Pieces(IPEndPoint from, IPEndPoint to)
    {
        Packet first = Packet.OfUdp(from, to, 64) with { FragmentId = ++s_id, MoreFragments = true };
        return (first, first with { FragmentOffset = 72, MoreFragments = false });
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Of_what_is_for_the_proxy_all_is_looped_as_it_is(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        foreach (IPEndPoint to in (IPEndPoint[])[new(World.Remote(v6), 53), _world.B.At(v6, 53), new(World.Vip(v6), WorldContent.ToB)])
        {
            (Packet first, Packet later) = Pieces(_a.At(v6, 40000), to);
            foreach (Packet piece in (Packet[])[first, later]) Assert.Equal(piece.Build()[12..], _world.FromPod(_a, piece).Looped().Bytes[12..]);
            Assert.Equal(0u, _world.Maps.Session(Abi.Key(first, Space))!.Value.Flags);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Those_before_the_first_are_looped_and_wait_for_it(bool v6)
    {
        (Packet first, Packet later) = Pieces(_a.At(v6, 40000), new(World.Remote(v6), 53));
        _world.FromPod(_a, later).Dropped(CvReason.FragmentNoFirst); // nobody would take it
        using IDisposable sockets = _world.OfferInside(Space);
        foreach (Packet piece in (Packet[])[later, first, later]) _world.FromPod(_a, piece).Looped();
        Assert.NotNull(_world.Maps.Session(Abi.Key(first, Space)));
        _world.FromPod(_a, later with { Source = _world.B.Address(v6) }).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_a, later with { Protocol = Packet.Tcp, FragmentId = ++s_id }).Dropped(CvReason.FragmentNoFirst);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_leaves_the_mesh_passes_in_pieces_where_policy_does_not_ask_for_its_ports(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        foreach (IPAddress to in (IPAddress[])[World.External(v6), World.Node(v6), World.Excluded(v6)])
        {
            (Packet first, Packet later) = Pieces(_a.At(v6, 40000), new(to, 53));
            foreach (Packet piece in (Packet[])[later, first, later]) Assert.Equal(0u, _world.FromPod(_a, piece).Passed().Mark);
        }
        _world.SetEgressPolicy(World.Generation, _a, CvAbi.ClassAny, CvReason.None);
        (Packet begin, Packet rest) = Pieces(_a.At(v6, 40001), External(v6));
        _world.FromPod(_a, rest).Dropped(CvReason.FragmentNoFirst);
        foreach (Packet piece in (Packet[])[begin, rest]) _world.FromPod(_a, piece).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_comes_in_pieces_is_evaluated_by_the_first(bool v6)
    {
        (Packet first, Packet later) = Pieces(External(v6), _a.At(v6, 53));
        _world.ToPod(_a, later).Dropped(CvReason.FragmentNoFirst);
        foreach (Packet piece in (Packet[])[first, later]) Assert.Equal(0u, _world.ToPod(_a, piece).Passed().Mark);
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        (first, later) = Pieces(new IPEndPoint(World.External(v6), 50001), _a.At(v6, 53));
        foreach (Packet piece in (Packet[])[first, later]) _world.ToPod(_a, piece).Dropped(CvReason.StrictMtls);
        _world.ToPod(_a, later with { Protocol = Packet.Tcp, FragmentId = ++s_id }).Dropped(CvReason.FragmentNoFirst);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_comes_before_its_first_piece_goes_to_the_proxy_with_it(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        (Packet first, Packet later) = Pieces(External(v6), _a.At(v6, 53));
        foreach (Packet piece in (Packet[])[later, first, later]) _world.ToPod(_a, piece).Captured();
        Assert.Equal((uint)(CvSessionFlag.External | CvSessionFlag.Reassembled), _world.Maps.Session(Abi.Key(first, Space))!.Value.Flags);
        // By itself the flow takes its own path.
        Assert.Equal(0u, _world.ToPod(_a, Packet.OfUdp(External(v6), _a.At(v6, 53))).Passed().Mark);
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        (first, later) = Pieces(new IPEndPoint(World.External(v6), 50001), _a.At(v6, 53));
        _world.ToPod(_a, later).Captured(); // nothing comes of it
        _world.ToPod(_a, first).Dropped(CvReason.StrictMtls);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void Attack_a_first_piece_in_one_space_has_no_say_in_another(bool v6)
    {
        Workload other = _world.A.Inside(OtherSpace);
        _world.SetPod(World.Generation, other);
        _world.SetEgressPolicy(World.Generation, other, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        (Packet first, Packet later) = Pieces(_a.At(v6, 40000), External(v6));
        _world.FromPod(_a, first).Passed();
        _world.FromPod(_a, later).Passed();
        _world.FromPod(other, later).Dropped(CvReason.FragmentNoFirst);
        _world.ToPod(other, later.Reply() with { FragmentId = first.FragmentId }).Dropped(CvReason.FragmentNoFirst);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void Attack_a_pod_fills_no_more_than_its_share_of_its_kernels_reassembly(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space), others = _world.OfferInside(FullSpace);
        Workload full = _world.SetInside(World.Generation, _world.B, FullSpace);
        Assert.InRange(Fill(() => _world.FromPod(full, Piece(full.At(v6, 40000), new(World.Remote(v6), 53)))), 300, 1000);
        Assert.InRange(Fill(() => _world.ToPod(full, Piece(External(v6), full.At(v6, 53)) with { FragmentOffset = 1408 })), 300, 1000);
        // What is not looped is not kept, and not counted; and the kernel keeps what others have in accounts of their namespaces.
        _world.FromPod(full, Piece(full.At(v6, 40000), External(v6))).Passed();
        _world.FromPod(_a, Piece(_a.At(v6, 40000), new(World.Remote(v6), 53))).Looped();
        _world.ToPod(_a, Piece(External(v6), _a.At(v6, 53)) with { FragmentOffset = 1408 }).Captured();

        static Packet Piece(IPEndPoint from, IPEndPoint to) => Packet.OfUdp(from, to, 1400) with { FragmentId = ++s_id, MoreFragments = true };

        static int Fill(Func<Outcome> send)
        {
            int kept = 0;
            while (kept < 3000 && send() is { Drops: [] }) kept++;
            return kept;
        }
    }
}
