using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>The client's identity in <c>x-forwarded-client-cert</c>, in all pairs of versions, by the servers' node and by the client's where that is the same.</summary>
[Trait("Category", "Attack")]
public sealed class ClientCertTests
{
    private static readonly string[] Forged = ["X-Forwarded-Client-Cert", "x_forwarded_client_cert", "x-forwarded_client-cert", "x.forwarded.client.cert", "x~forwarded!client$cert"];

    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places => AuthorizerTests.Places;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task ServersAreToldWhoHasProvenToBeTheClientAndNotWhatItSays(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using RoutingLab lab = await LabAsync(client, servers, isNear, isProven: true);
        string expected = $"x-forwarded-client-cert=By={ProxyPair.Bob};URI={ProxyPair.Alice}";
        for (int i = 0; i < 2; i++) Assert.Equal($"/a/b {expected}", await AskAsync(lab, "/a/./c/../b"));
        await lab.UntilAsync(() => lab.Pair.Source.Faults.IsEmpty);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task OfAClientThatHasProvenNothingNothingIsSaid(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using RoutingLab lab = await LabAsync(client, servers, isNear, isProven: false);
        Assert.Equal("/a", await AskAsync(lab, "/a"));
    }

    [Fact]
    public void WithAnotherIdentityRulesAreOthers()
    {
        RequestRules rules = RulesOf(ProxyPair.Workload("bob", "b", ProxyPair.Bob, IPAddress.Loopback), isProven: true)!;
        Assert.Equal($"By={ProxyPair.Bob};URI={ProxyPair.Alice}", rules.ClientCert);
        Assert.False(rules.AsksWhetherAllowed);
        Assert.NotEqual(rules, RulesOf(ProxyPair.Workload("bob", "b", ProxyPair.Bob, IPAddress.Loopback), isProven: false));
    }

    private static async Task<string> AskAsync(RoutingLab lab, string path)
    {
        HttpRequestMessage request = lab.Request(HttpMethod.Post, path);
        foreach (string name in Forged) request.Headers.TryAddWithoutValidation(name, "By=spiffe://td/forged");
        request.Content = new StringContent("body");
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<RoutingLab> LabAsync(HttpProtocols client, HttpProtocols servers, bool isNear, bool isProven)
    {
        RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", context => context.Response.WriteAsync($"{context.Request.Path} {string.Join(' ', context.Request.Headers.Where(h => h.Key.Contains("client", StringComparison.OrdinalIgnoreCase)).Select(h => $"{h.Key.ToLowerInvariant()}={h.Value}"))}".Trim()));
        if (isNear) lab.BringNear();
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        lab.Pair.Source.Rules = lab.Pair.Destination.Rules = RulesOf(lab.Pair.Destination.Local!, isProven);
        return lab;
    }

    internal static RequestRules? RulesOf(WorkloadInfo destination, bool isProven) => RequestRules.Of(
        new NodeSnapshot { Mesh = new MeshSettings { ForwardClientCert = ForwardClientCert.SanitizeSet }, Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty },
        new ConnectionRequest { SourceAddress = IPAddress.Loopback, SourceWorkload = null, SourceIdentity = isProven ? SpiffeId.Parse(ProxyPair.Alice) : null, Authenticated = isProven, Destination = destination, Port = 80, Protocol = TransportProtocol.Tcp, IsRead = true });
}
