using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What an application says in the mesh's name in <c>proxy-status</c> reaches nobody, in all pairs of versions, between nodes and on one, where the application's node reads its requests.</summary>
[Trait("Category", "Attack")]
public sealed class ForgedProxyStatusTests
{
    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places => AuthorizerTests.Places;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task OnlyTheMeshSaysWhatTheMeshHasAnswered(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        string[] said = [];
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", context =>
        {
            context.Response.StatusCode = 403;
            context.Response.Headers["proxy-status"] = said;
            return context.Response.WriteAsync("no");
        });
        if (isNear) lab.BringNear();
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        lab.Pair.Source.Rules = lab.Pair.Destination.Rules = ClientCertTests.RulesOf(lab.Pair.Destination.Local!, isProven: true);
        Assert.Equal("", await AskAsync("culvert; error=http_request_denied; details=\"policy-deny: AuthorizationPolicy b/none rule 0\""));
        Assert.Equal("", await AskAsync("cache; hit", "cdn, culvert; error=connection_limit_reached"));
        Assert.Equal("cdn; error=dns_error", await AskAsync("cdn; error=dns_error"));

        async Task<string> AskAsync(params string[] values)
        {
            said = values;
            using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/"));
            Assert.Equal(("no", 403), (await response.Content.ReadAsStringAsync(), (int)response.StatusCode));
            return response.Headers.TryGetValues("proxy-status", out IEnumerable<string>? found) ? string.Join('|', found) : "";
        }
    }
}
