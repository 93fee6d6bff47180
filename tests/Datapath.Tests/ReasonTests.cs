using Culvert.Core;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>What the programs do for each reason is what <see cref="ReasonTable"/> says. Policy's verdicts carry a reason, so that each can be brought about.</summary>
public sealed class ReasonTests : IClassFixture<ReasonTests.Talkative>
{
    private static readonly CvReason[] OfPolicy = [CvReason.PolicyDeny, CvReason.PolicyNoAllow, CvReason.PolicyDefault, CvReason.StrictMtls, CvReason.NetworkPolicyIngress, CvReason.NetworkPolicyEgress];
    private static readonly CvReason[] Faults = [CvReason.NoEndpoint, CvReason.ProxyDown, CvReason.AssignFailed, CvReason.FlowTableFull, CvReason.Internal];

    private readonly World _world;

    public ReasonTests(Talkative talkative)
    {
        _world = talkative.World;
        _world.Reset();
    }

    /// <summary>The names of the kernel's reasons; that none is missing is tested beside the table's other uses.</summary>
    public static TheoryData<string> Reasons => [.. OfPackets.Select(r => r.Name)];

    private static IEnumerable<DropReason> OfPackets => ReasonTable.All.Where(r => r.Use.HasFlag(ReasonUse.Packet));

    [Theory]
    [MemberData(nameof(Reasons))]
    public void ARefusedConnectionIsAnsweredAsTheTableSays(string name)
    {
        DropReason row = ReasonTable.Find(name)!;
        CvReason reason = CodeOf(row);
        foreach (bool v6 in (bool[])[false, true])
        {
            _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, reason);
            foreach (Outcome outcome in (Outcome[])[_world.FromPod(_world.A, Syn(v6)), _world.ToPod(_world.B, Syn(v6) with { Source = World.External(v6) }, ingress: 99)])
            {
                if (row.Answer == ReasonAnswer.Silent) outcome.Dropped(reason);
                else outcome.Reset(reason);
                CvEvent told = outcome.Single(OfPolicy.Contains(reason) ? CvEventType.Denied : CvEventType.Dropped);
                Assert.Equal((byte)reason, told.Reason);
                Assert.Equal(OfPolicy.Contains(reason) ? WorldContent.Rule : 0, told.Rule);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Reasons))]
    public void ARefusedDatagramIsAnsweredAsTheTableSays(string name)
    {
        DropReason row = ReasonTable.Find(name)!;
        CvReason reason = CodeOf(row);
        foreach (bool v6 in (bool[])[false, true])
        {
            _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, reason);
            Packet datagram = Packet.OfUdp(_world.A.At(v6, 1), _world.B.At(v6, 80));
            Outcome refused = _world.FromPod(_world.A, datagram);
            if (row.Answer == ReasonAnswer.Unreachable) refused.Unreachable(reason, datagram);
            else refused.Dropped(reason);

            // Nothing proves who sent it.
            _world.ToPod(_world.B, datagram with { Source = World.External(v6) }, ingress: 99).Dropped(reason);
        }
    }

    [Fact]
    public void OpenOnFailureLetsFaultsPassAndNothingElse()
    {
        using World world = new(o => o.SetConfig("cv_cfg_fail_open", (byte)1));
        world.Reset();
        foreach (CvReason reason in OfPackets.Select(CodeOf))
        {
            world.SetPolicy(World.Generation, world.B, CvAbi.ClassAny, 0, reason);
            Outcome outcome = world.FromPod(world.A, Packet.OfTcp(world.A.At(false, 40000), world.B.At(false, 80), TcpFlags.Syn));
            Assert.Equal(reason, Assert.Single(outcome.Drops));
            Assert.True(Faults.Contains(reason) == (outcome.Code == Outcome.Ok), $"{reason}: {outcome.Code}");
        }
    }

    [Fact]
    public void FaultsAreTheMeshsOwnAndDecisionsOfPolicyAreDenials()
    {
        Assert.All(OfPackets.Where(r => Faults.Contains(CodeOf(r))), r => Assert.True(r.Class is ReasonClass.Internal or ReasonClass.Capacity, r.Name));
        Assert.All(OfPackets.Where(r => OfPolicy.Contains(CodeOf(r))), r => Assert.Equal(ReasonClass.Denied, r.Class));
    }

    private static CvReason CodeOf(DropReason reason) => Enum.Parse<CvReason>(reason.Name.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);

    /// <summary>Programs that tell of every refusal.</summary>
    public sealed class Talkative : IDisposable
    {
        internal World World { get; } = new(o => o.SetConfig("cv_cfg_drop_rate", uint.MaxValue).SetConfig("cv_cfg_deny_rate", uint.MaxValue));

        /// <inheritdoc/>
        public void Dispose() => World.Dispose();
    }

    private Packet Syn(bool v6) => Packet.OfTcp(_world.A.At(v6, 40000), _world.B.At(v6, 80), TcpFlags.Syn);
}
