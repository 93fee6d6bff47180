using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Tests.Datapath;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Tests.Admin;

/// <summary>Where policies did not fit into the kernel, an explanation says what that does, and not what they say.</summary>
public sealed class ClosedPolicyExplainerTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1"), Web = TestMesh.Workload("web", "n1", "10.0.0.2"), Far = TestMesh.Workload("far", "n2", "10.0.0.3");

    [Theory]
    [InlineData("web", PolicyDirection.Ingress, "10.0.0.2", "network-policy-ingress")]
    [InlineData("client", PolicyDirection.Egress, "10.0.0.2", "network-policy-egress")]
    [InlineData("client", PolicyDirection.Egress, "10.0.0.3", "network-policy-egress")]
    [InlineData("client", PolicyDirection.Egress, "198.51.100.1", "network-policy-egress")]
    [InlineData("client", PolicyDirection.Egress, "192.0.2.9", null)] // its node
    [InlineData("client", PolicyDirection.Ingress, "10.0.0.2", null)]
    [InlineData("web", PolicyDirection.Egress, "10.0.0.2", null)]
    [InlineData("far", PolicyDirection.Ingress, "10.0.0.3", null)] // by tunnel: its proxy decides, by the policies themselves
    public void WhatTheKernelRefusesIsDenied(string closed, PolicyDirection direction, string destination, string? reason)
    {
        PathOracle oracle = new(new SnapshotIndex(TestMesh.Snapshot([Client, Web, Far])), 15008, IPAddress.Parse("192.0.2.9").Equals);
        Wire.ExplainResponse answer = Explainer.Explain(oracle, new Wire.ExplainRequest { Source = "10.0.0.1", Destination = destination, Port = 80 }), before = answer.Clone();
        Assert.NotEqual(Wire.Verdict.Deny, answer.Verdict);
        ClosedPolicyExplainer.Correct(answer, [new ClosedPolicy($"shop/{closed}", direction)], oracle);
        if (reason is null)
        {
            Assert.Equal(before, answer);
            return;
        }
        Assert.Equal((Wire.Verdict.Deny, reason, ""), (answer.Verdict, answer.Reason, answer.DecidedByNode));
        Assert.Contains(ClosedPolicyExplainer.Why, answer.Steps[^1], StringComparison.Ordinal);
    }
}
