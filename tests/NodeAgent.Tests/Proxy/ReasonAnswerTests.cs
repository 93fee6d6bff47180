using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Proxy;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>What the proxy tells a client for each reason is what <see cref="ReasonTable"/> says. Datapath.Tests has the same of the kernel's programs.</summary>
public sealed class ReasonAnswerTests
{
    /// <summary>Failures that end TCP connections; that none is missing in the table is tested beside its other uses.</summary>
    public static TheoryData<string> Failures => [.. Enum.GetValues<ProxyFailure>().Where(f => f != ProxyFailure.None && RowOf(f).Answer != ReasonAnswer.Silent).Select(f => $"{f}")];

    public static TheoryData<DecisionReason> Decisions =>
    [
        DecisionReason.DeniedByPolicy, DecisionReason.NoAllowMatched, DecisionReason.DeniedByDefault, DecisionReason.StrictMtls, DecisionReason.PolicyMissing,
    ];

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task AFailureIsAnsweredAsTheTableSays(string name)
    {
        ProxyFailure failure = Enum.Parse<ProxyFailure>(name);
        await using ProxyPair pair = new();
        pair.Source.Route = _ => OutboundRoute.Deny(failure, "as the test wants it");
        await pair.ExpectResetAsync(failure);
    }

    [Theory]
    [MemberData(nameof(Decisions))]
    public async Task ADecisionOfPolicyIsAnsweredAsTheTableSays(DecisionReason reason)
    {
        Assert.Equal(ReasonAnswer.Reset, ReasonTable.Find(ReasonText.Of(reason))!.Answer);
        await using ProxyPair pair = new();
        using Socket listener = pair.Listen();
        pair.Source.Neighbour = pair.Destination.Local;
        pair.Source.Route = _ => OutboundRoute.Local(new SocketEndPoint(pair.DestinationAddress, ((IPEndPoint)listener.LocalEndPoint!).Port), pair.Destination.Local!);
        pair.Source.Denial = reason;
        pair.Source.Allowed = false;
        await pair.ExpectResetAsync(ProxyFailure.PolicyDenied);
    }

    private static DropReason RowOf(ProxyFailure failure) =>
        ReasonTable.Find(failure == ProxyFailure.ProxyProtocol ? ReasonTable.ProxyProtocolPrefix : ReasonText.Kebab(failure.ToString()))!;
}
