using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using static Culvert.NodeAgent.Tests.Proxy.Http.HttpLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Limits of the rate of requests, through the relays of both versions.</summary>
public sealed class RateLimitTests
{
    private static readonly NamespacedName Policy = RateLimitNames.PolicyOf(new NamespacedName("demo", "few"));

    private static readonly WorkloadInfo Shop = new()
    {
        Uid = "demo/shop",
        Name = new("demo", "shop"),
        ServiceAccount = "shop",
        Identity = SpiffeId.ForServiceAccount("td", "demo", "shop"),
        Node = "n1",
        Addresses = [IPAddress.Parse("10.0.0.1")],
        PolicyNames = [Policy],
    };

    [Fact]
    public async Task ARequestThatIsOneTooManyIsAnswered429WithWhenToComeAgain()
    {
        await using HttpLab lab = await StartAsync(rules: RulesOf(SnapshotOf(Limit(2)), previous: null, out _));
        await lab.ExchangeAsync("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.ExchangeAsync("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Client, "GET /a?b HTTP/1.1\r\nhost: x\r\n\r\n");
        string answer = await RestAsync(lab.Client);
        Assert.StartsWith("HTTP/1.1 429 ", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nproxy-status: culvert; error=http_request_denied; details=\"rate-limited: RateLimit demo/few rule 0\"\r\n", answer, StringComparison.Ordinal);
        Assert.Matches("\r\nretry-after: (1200|11[0-9][0-9])\r\n", answer);
        Assert.Contains("\r\nratelimit-policy: \"demo/few:0\";q=3;w=3600\r\n", answer, StringComparison.Ordinal);
        Assert.Matches("\r\nratelimit: \"demo/few:0\";r=0;t=(1200|11[0-9][0-9])\r\n", answer);
        Assert.Equal(new NamespacedName("demo", "few"), Assert.Single(lab.Mesh.Limited));
        (Decision decision, string request) = Assert.Single(lab.Mesh.Decided);
        Assert.Equal((DecisionReason.RateLimited, "GET x /a"), (decision.Reason, request));
    }

    [Fact]
    public async Task OfHttp2TheConnectionGoesOnAndGrpcHasItsOwnStatus()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: RulesOf(SnapshotOf(Limit(1)), previous: null, out _));
        await lab.ExchangeAsync();
        string plain = await (await lab.Client.AskAsync(":method GET\n:scheme http\n:authority shop\n:path /a", end: true)).NextAsync();
        Assert.StartsWith(":status 429\n", plain, StringComparison.Ordinal);
        Assert.Contains("ratelimit-policy \"demo/few:0\";q=3;w=3600", plain, StringComparison.Ordinal);
        string call = await (await lab.Client.AskAsync(Http2Lab.Grpc, end: true)).NextAsync();
        Assert.StartsWith(":status 200\n", call, StringComparison.Ordinal);
        Assert.Contains("grpc-status 8", call, StringComparison.Ordinal);
        Assert.Equal(2, lab.Mesh.Limited.Count);
        Assert.Single(lab.Mesh.Decided); // the log has one in a second
    }

    [Fact]
    public async Task RequestsOutsideTheConditionsAreNotCounted()
    {
        PolicyRule rule = Limit(1) with { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = GateLab.Paths("/few/*") }] };
        await using HttpLab lab = await StartAsync(rules: RulesOf(SnapshotOf(rule), previous: null, out _));
        for (int i = 0; i < 3; i++) await lab.ExchangeAsync("GET /many HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.ExchangeAsync("GET /few/a HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Client, "GET /x/../few/b HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.AssertAnsweredAsync(429, "http_request_denied");
    }

    [Fact]
    public async Task ValuesOfAHeaderAreCountedEachByItself()
    {
        PolicyRule rule = new() { Limit = Limit(1).Limit! with { By = RateLimitBy.Header, Header = "x-tenant" } };
        await using HttpLab lab = await StartAsync(rules: RulesOf(SnapshotOf(rule), previous: null, out _));
        await lab.ExchangeAsync("GET / HTTP/1.1\r\nhost: x\r\nx-tenant: a\r\n\r\n");
        await lab.ExchangeAsync("GET / HTTP/1.1\r\nhost: x\r\nx-tenant: b\r\n\r\n");
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\nx-tenant: a\r\n\r\n");
        await lab.AssertAnsweredAsync(429, "http_request_denied");
    }

    [Fact]
    public void ALimitOfNginxOfTheSameNameCountsBesides()
    {
        NamespacedName nginx = RateLimitNames.PolicyOfNginx(new NamespacedName("demo", "few"));
        NodeSnapshot snapshot = SnapshotOf(Limit(1));
        WorkloadInfo shop = Shop with { PolicyNames = [nginx, Policy] };
        snapshot = snapshot with { Workloads = snapshot.Workloads.SetItem(shop.Uid, shop), Policies = snapshot.Policies.Add(nginx, new PolicyInfo { Name = nginx, Action = PolicyAction.Limit, Rules = [Limit(100)] }) };
        RequestLimits limits = RulesOf(snapshot, previous: null, out _, shop)!.Limits!;
        Assert.Null(limits.Take(new RequestHead("GET"u8, default, default, null), 0));
        RateLimitExcess excess = limits.Take(new RequestHead("GET"u8, default, default, null), 0)!.Value;
        Assert.Equal((Policy, new NamespacedName("demo", "few"), "RateLimit"), (excess.Policy, excess.Object, excess.Kind));
    }

    [Fact]
    public void CallersAreToldApartByATokenThatTheServerDoesNotGet()
    {
        PolicyRule rule = new() { Limit = Limit(1).Limit! with { By = RateLimitBy.Header, Header = "authorization" } };
        RequestLimits limits = RulesOf(SnapshotOf(rule), previous: null, out _)!.Limits!;
        Assert.Null(limits.Take(Of("a"u8), 0));
        Assert.Null(limits.Take(Of("b"u8), 0));
        Assert.NotNull(limits.Take(Of("a"u8), 0));

        static RequestHead Of(ReadOnlySpan<byte> token) => new("GET"u8, default, default, null) { HiddenName = "authorization", HiddenValue = token.ToArray() };
    }

    [Fact]
    public void CountsGoOnWhereTheLimitIsTheSame()
    {
        NodeSnapshot snapshot = SnapshotOf(Limit(2));
        RequestRules? before = RulesOf(snapshot, previous: null, out RateLimiters first);
        Assert.Equal(before, RulesOf(snapshot with { Version = 2 }, first, out RateLimiters second));
        Assert.Same(first.Find(Shop.Uid, Policy, Limit(2)), second.Find(Shop.Uid, Policy, Limit(2)));
        Assert.NotEqual(before, RulesOf(SnapshotOf(Limit(3)), first, out RateLimiters third));
        Assert.NotNull(third.Find(Shop.Uid, Policy, Limit(3)));
    }

    private static PolicyRule Limit(int burst) => new() { Limit = new RateLimit { Requests = 3, Seconds = 3600, Burst = burst } };

    private static NodeSnapshot SnapshotOf(PolicyRule rule) => new()
    {
        Node = "n1",
        Workloads = ImmutableDictionary<string, WorkloadInfo>.Empty.Add(Shop.Uid, Shop),
        Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty.Add(Policy, new PolicyInfo { Name = Policy, Action = PolicyAction.Limit, Rules = [rule] }),
    };

    private static RequestRules? RulesOf(NodeSnapshot snapshot, RateLimiters? previous, out RateLimiters limiters, WorkloadInfo? destination = null)
    {
        limiters = new RateLimiters(snapshot, previous);
        return RequestRules.Of(snapshot, new ConnectionRequest
        {
            SourceAddress = IPAddress.Parse("10.0.0.2"),
            SourceWorkload = null,
            Destination = destination ?? Shop,
            Port = 8080,
            Protocol = TransportProtocol.Tcp,
            Authenticated = false,
            IsRead = true,
        }, limiters);
    }
}
