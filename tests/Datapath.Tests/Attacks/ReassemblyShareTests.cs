using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>
/// Fragments of datagrams that never become whole: the kernel keeps 4 MiB of them for the whole node, and refuses all others then. Whoever sends them may have a share of it.
/// </summary>
[Trait("Category", "Attack")]
public sealed class ReassemblyShareTests : IDisposable
{
    private const uint Uplink = 99;

    // Some 2,500 bytes each with what they need beside them, of a share of 1 MiB.
    private const int Size = 1400;
    private const int Most = 420, Surely = 400;

    private readonly World _world = new();
    private readonly IDisposable _sockets;

    public ReassemblyShareTests()
    {
        _world.Reset();
        _sockets = _world.OfferDatagrams();
    }

    public void Dispose()
    {
        _sockets.Dispose();
        _world.Dispose();
    }

    private Packet First(bool v6, int id) =>
        Packet.OfUdp(_world.A.At(v6, 40000), new(World.Remote(v6), 53), Size - 8) with { FragmentId = (uint)id, MoreFragments = true };

    private static Packet Later(Packet first, bool last) => first with { FragmentOffset = Size, MoreFragments = !last, Payload = new byte[Size] };

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public void Attack_a_pod_fills_its_own_share_of_the_reassembly_only(bool v6, bool later)
    {
        Packet Piece(int id) => later ? Later(First(v6, id), last: false) : First(v6, id);
        for (int id = 0; id < Surely; id++) _world.FromPod(_world.A, Piece(id)).Passed();
        _world.Flood(Hook.FromPod, _world.A, _world.A.Index, Most - Surely, id => Piece(Most + id));
        _world.FromPod(_world.A, Piece(10_000)).Dropped(CvReason.FragmentQuota);
        Packet other = First(v6, 1) with { Source = _world.B.Address(v6) };
        _world.FromPod(_world.B, other).Passed();
        _world.FromPod(_world.B, Later(other, last: true)).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_fragments_to_the_node_and_to_external_addresses_count_as_well(bool v6)
    {
        _world.Flood(Hook.FromPod, _world.A, _world.A.Index, Most / 2, id => First(v6, id) with { Destination = World.Node(v6) });
        _world.Flood(Hook.FromPod, _world.A, _world.A.Index, Most / 2, id => First(v6, id) with { Destination = World.External(v6) });
        _world.FromPod(_world.A, First(v6, 10_000)).Dropped(CvReason.FragmentQuota);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Datagrams_that_become_whole_are_not_counted_in_whatever_order(bool v6)
    {
        for (int id = 0; id < 2 * Most; id++)
        {
            Packet[] pieces = [First(v6, id), Later(First(v6, id), last: false), Later(First(v6, id), last: true) with { FragmentOffset = 2 * Size }];
            for (int i = 0; i < pieces.Length; i++) _world.FromPod(_world.A, pieces[(i + id) % pieces.Length]).Passed();
        }
    }

    [Theory, InlineData(true), InlineData(false)]
    public void Attack_the_last_piece_is_one_that_the_kernel_throws_away(bool checksum)
    {
        // By its header's sum, which routing verifies, or by an option, which routing obeys: the rest stays in the kernel's account, so it has to stay in the pod's.
        Packet last = Later(First(false, 1), last: true);
        byte[] bytes = checksum ? last.Build() : (last with { Options = [0x83, 4, 0, 0] }).Build();
        if (checksum) bytes[24] ^= 1;
        _world.FromPod(_world.A, First(false, 1)).Passed();
        _world.Run(Hook.FromPod, bytes, _world.A.Index, _world.A.Index).Dropped(checksum ? CvReason.Malformed : CvReason.ExtensionHeaders);
        _world.FromPod(_world.A, last).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_piece_without_a_byte_is_none(bool v6)
    {
        _world.FromPod(_world.A, First(v6, 1)).Passed();
        _world.FromPod(_world.A, Later(First(v6, 1), last: true) with { Payload = [] }).Dropped(CvReason.Malformed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_repeated_fragments_make_no_datagram_whole(bool v6)
    {
        // As many bytes as the datagram has, but not all of its bytes.
        _world.Flood(
            Hook.FromPod, _world.A, _world.A.Index, Most, n => n % 3 < 2 ? First(v6, n / 3) : Later(First(v6, n / 3), last: true) with { FragmentOffset = 2 * Size });
        _world.FromPod(_world.A, First(v6, 10_000)).Dropped(CvReason.FragmentQuota);
    }

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public void Attack_external_senders_fill_their_own_share_only(bool v6, bool later)
    {
        Packet Piece(int id)
        {
            Packet first = Packet.OfUdp(new(World.External(v6), 40000), _world.C.At(v6, 53), Size - 8) with { FragmentId = (uint)id, MoreFragments = true };
            return later ? Later(first, last: false) : first;
        }

        _world.Flood(Hook.FromNet, _world.C, Uplink, Most, Piece);
        _world.Run(Hook.FromNet, Piece(10_000), _world.C.Index, Uplink).Dropped(CvReason.FragmentQuota);
        _world.FromPod(_world.A, First(v6, 1)).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_several_together_leave_room_for_others(bool v6)
    {
        Packet FromOutside(int id) => Packet.OfUdp(new(World.External(v6), 40000), _world.C.At(v6, 53), Size - 8) with { FragmentId = (uint)id, MoreFragments = true };

        // Three have a quarter each, the fourth half of what is left.
        foreach (Workload pod in (Workload[])[_world.A, _world.B, _world.C])
            _world.Flood(Hook.FromPod, pod, pod.Index, Most, id => First(v6, id) with { Source = pod.Address(v6) });
        _world.Run(Hook.FromNet, FromOutside(0), _world.C.Index, Uplink).Passed();
        _world.Flood(Hook.FromNet, _world.C, Uplink, Most * 6 / 10, id => FromOutside(id + 1));
        _world.Run(Hook.FromNet, FromOutside(10_000), _world.C.Index, Uplink).Dropped(CvReason.FragmentQuota);
    }
}
