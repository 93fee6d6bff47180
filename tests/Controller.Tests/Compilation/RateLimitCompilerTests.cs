using System.Net;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>Limits of NGINX Service Mesh whose sources are pods of something.</summary>
public sealed class RateLimitCompilerTests
{
    private static readonly WorkloadReference Front = new(WorkloadReferenceKind.Deployment, new("web", "front"));

    [Fact]
    public void PodsOfADeploymentAreFoundAsTheyComeAndGo()
    {
        MeshInput input = new();
        RateLimitObject limit = Limit(Front);
        DirtyResources dirty = new();
        input.Replace(null, limit, dirty);
        Assert.Contains(limit.Policy.Name, dirty.RateLimits);
        Assert.Empty(input.Compile(limit).Rules);

        WorkloadObject pod = Pod("front-1", "10.0.0.1");
        WorkloadObject moved = Pod("front-1", "10.0.0.2");
        foreach ((WorkloadObject? before, WorkloadObject? after, string[] addresses) in new (WorkloadObject?, WorkloadObject?, string[])[] { (null, pod, ["10.0.0.1/32"]), (pod, moved, ["10.0.0.2/32"]), (moved, null, []) })
        {
            dirty = new();
            input.Replace(before, after, dirty);
            Assert.Equal([limit.Policy.Name], dirty.RateLimits);
            Assert.Equal(addresses, input.Compile(limit).Rules.SelectMany(r => r.From).SelectMany(f => f.IpBlocks).Select(b => b.ToString()));
        }

        dirty = new();
        input.Replace(null, Pod("other", "10.0.0.3") with { Owner = Front with { Name = new("web", "other") } }, dirty);
        Assert.Empty(dirty.RateLimits);
    }

    [Fact]
    public void APodOfItsNodesNetworkIsNotToldFromTheNode()
    {
        MeshInput input = new();
        RateLimitObject limit = Limit(Front);
        input.Replace(null, limit, new());
        input.Replace(null, Pod("front-1", "10.0.0.1") with { HostNetwork = true }, new());
        Assert.Empty(input.Compile(limit).Rules);
    }

    [Fact]
    public void WhereSourcesAreTooManyAllRequestsCount()
    {
        IPAddress[] many = [.. Enumerable.Range(0, RateLimitCompiler.MostValues + 1).Select(i => new IPAddress([10, 0, (byte)(i >> 8), (byte)i]))];
        RateLimitObject limit = Limit(Front);
        PolicyRule all = Assert.Single(RateLimitCompiler.Compile(limit, conditionsCount: true, _ => many, [], _ => null).Rules);
        Assert.Empty(all.From);
        Assert.NotEmpty(Assert.Single(RateLimitCompiler.Compile(limit, conditionsCount: true, _ => many[1..], [], _ => null).Rules).From);
        Assert.Empty(Assert.Single(RateLimitCompiler.Compile(limit, conditionsCount: false, _ => many[..1], [], _ => null).Rules).From);
    }

    private static WorkloadObject Pod(string name, string address) => new(new ObjectMeta { Name = name, Namespace = "web", Origin = new ApiOrigin("x", "1") }) { Node = "n1", IsPod = true, Addresses = [IPAddress.Parse(address)], Owner = Front };

    private static RateLimitObject Limit(params WorkloadReference[] sources) => new(
        ObjectKind.NginxRateLimit,
        new ObjectMeta { Name = "few", Namespace = "shop", Origin = new ApiOrigin("x", "1") },
        new PolicyInfo { Name = RateLimitNames.PolicyOfNginx(new("shop", "few")), Action = PolicyAction.Limit, Rules = [new PolicyRule { Limit = new RateLimit { Requests = 1, Seconds = 1, Burst = 1 } }] })
    {
        Service = "shop",
        Sources = sources.ToEquatableArray(),
    };
}
