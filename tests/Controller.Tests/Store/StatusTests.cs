using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Tests;

/// <summary>What nodes are told of the states of a folder's objects, for <c>culvert status</c>.</summary>
public sealed class StatusTests
{
    [Fact]
    public async Task AgentsAreToldHowManyObjectsAreNotInForceAsTheyAre()
    {
        await using Running controller = await Running.StartAsync(folder =>
        {
            folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1") + Objects.Workload("api", "10.0.0.2"));
            folder.Write("objects/new.yaml", Objects.Workload("new", "nonsense"));
            folder.Write("objects/part.yaml", """
                apiVersion: networking.k8s.io/v1
                kind: NetworkPolicy
                metadata: {name: part, namespace: shop}
                spec: {podSelector: {}, ingress: [{ports: [{prt: 80}]}]}
                """);
        });
        using FakeAgent agent = FakeAgent.OverSocket(controller.Socket, "node-1");
        await agent.OpenAsync();
        await agent.NextAsync();
        Assert.Equal((1, 0, 1), States(agent.Snapshot.Problems));

        controller.Write("web.yaml", Objects.Workload("web", "nonsense") + Objects.Workload("api", "10.0.0.2"));
        do await agent.NextAsync();
        while (agent.Snapshot.Problems.Errors < 3);
        Assert.Equal(InForceInstead.Part, agent.Snapshot.Problems.Listed.First(p => p.File == "part.yaml" && p.Severity == ProblemSeverity.Error).Instead);
        Assert.Equal((1, 1, 1), States(agent.Snapshot.Problems));
    }

    [Fact]
    public void TheStatesSurviveTheWire()
    {
        NodeSnapshot snapshot = new() { Node = "n", Problems = new() { Rejected = 2, LastGoodKept = 1, InPart = 3 } };
        Assert.Equal((2, 1, 3), States(SnapshotMapping.Apply(new(), "n", snapshot.ToFullResponse("e")).Problems));
    }

    private static (int, int, int) States(ObjectProblems problems) => (problems.Rejected, problems.LastGoodKept, problems.InPart);
}
