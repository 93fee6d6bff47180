using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>What is read of HTTPRoutes and GRPCRoutes, as far as the cases do not show it: <c>http-routes</c>, <c>doubtful-http-routes</c> and <c>bad-http-routes</c>.</summary>
public sealed class HttpRouteReaderTests
{
    private const string Backends = """backendRefs: [{name: web, port: 80}]""";

    [Theory]
    [InlineData(16, "{}", "")]
    [InlineData(17, "{}", "spec.rules: has 17 entries; at most 16 are allowed")]
    [InlineData(1, "{matches: [64*{}]}", "")]
    [InlineData(1, "{matches: [65*{}]}", "spec.rules[0].matches: has 65 entries; at most 64 are allowed")]
    [InlineData(2, "{matches: [64*{}]}", "")]
    [InlineData(3, "{matches: [43*{}]}", "spec.rules: has 129 matches in all its rules; at most 128 are allowed")]
    [InlineData(1, "{matches: [{headers: [17*{name: a, value: b}]}]}", "spec.rules[0].matches[0].headers: has 17 entries; at most 16 are allowed")]
    [InlineData(1, "{matches: [{queryParams: [17*{name: a, value: b}]}]}", "spec.rules[0].matches[0].queryParams: has 17 entries; at most 16 are allowed")]
    [InlineData(1, "{backendRefs: [17*{name: web, port: 80}]}", "spec.rules[0].backendRefs: has 17 entries; at most 16 are allowed")]
    [InlineData(1, "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [17*{name: a, value: b}]}}]}", "spec.rules[0].filters[0].requestHeaderModifier.set: has 17 entries; at most 16 are allowed")]
    [InlineData(1, "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [17*{name: a, value: b}]}}]}", "spec.rules[0].filters[0].requestHeaderModifier.add: has 17 entries; at most 16 are allowed")]
    [InlineData(1, "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [17*a]}}]}", "spec.rules[0].filters[0].requestHeaderModifier.remove: has 17 entries; at most 16 are allowed")]
    public void TheLimitsOfTheApiHold(int rules, string rule, string error)
    {
        // As many of the entry in brackets as is said before the star.
        int star = rule.IndexOf('*', StringComparison.Ordinal);
        if (star >= 0)
        {
            int open = rule.LastIndexOf('[', star), close = rule.IndexOf(']', star);
            rule = $"{rule[..(open + 1)]}{string.Join(", ", Enumerable.Repeat(rule[(star + 1)..close], int.Parse(rule[(open + 1)..star], null)))}{rule[close..]}";
        }
        Assert.Equal(error, Errors(Http(string.Join(", ", Enumerable.Repeat(rule, rules)))));
    }

    [Theory]
    [InlineData(32, "")]
    [InlineData(33, "spec.parentRefs: has 33 entries; at most 32 are allowed")]
    public void SoDoThoseOfParents(int count, string error) =>
        Assert.Equal(error, Errors(Http($"{{{Backends}}}", string.Join(", ", Enumerable.Range(1, count).Select(p => $"{{group: \"\", kind: Service, name: web, port: {p}}}")))));

    [Theory]
    [InlineData("name: a, value", 4096, "headers")]
    [InlineData("name: a, value", 1024, "queryParams")]
    [InlineData("type: RegularExpression, name: a, value", 256, "headers")]
    [InlineData("value: a, name", 256, "headers")]
    public void TextsHaveALongest(string field, int longest, string list)
    {
        Assert.Equal("", Errors(Http($"{{matches: [{{{list}: [{{{field}: {new string('a', longest)}}}]}}]}}")));
        Assert.StartsWith($"spec.rules[0].matches[0].{list}[0].", Errors(Http($"{{matches: [{{{list}: [{{{field}: {new string('a', longest + 1)}}}]}}]}}")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16, 256, "")]
    [InlineData(17, 256, "spec.rules[1].matches[6]: with it, the expressions of the object have 4352 characters and classes, counted as often as they are repeated; at most 4096 are allowed")]
    [InlineData(20, 256, "spec.rules[1].matches[6]: with it, the expressions of the object have 4352 characters and classes, counted as often as they are repeated; at most 4096 are allowed")]
    public void ExpressionsAreBoundedTogether(int matches, int positions, string error)
    {
        string[] all = [.. Enumerable.Range(0, matches).Select(i => $"{{path: {{type: RegularExpression, value: '/[ab]{{{positions - 2}}}{(char)('a' + i)}'}}, headers: [{{name: x, value: '{i}'}}]}}")];
        Assert.Equal(error, Errors(Http($"{{matches: [{string.Join(", ", all[..10])}]}}, {{matches: [{string.Join(", ", all[10..])}]}}")));
    }

    [Theory]
    [InlineData("RegularExpression, value: '/a\\b'", "spec.rules[0].matches[0].path.value: is no regular expression that is taken: character 3: '\\b', edges of words, is not taken")]
    [InlineData("RegularExpression, value: '/\\p{L}'", "spec.rules[0].matches[0].path.value: is no regular expression that is taken: character 2: '\\p', classes of Unicode, is not taken")]
    [InlineData("RegularExpression, value: '/(a|'", "spec.rules[0].matches[0].path.value: is no regular expression that is taken: character 2: '(' is not closed")]
    [InlineData("RegularExpression, value: '/(a{1000}){1000}'", "spec.rules[0].matches[0].path.value: is too large: it has 1000 characters and classes, counted as often as they are repeated; at most 256 are allowed")]
    public void OfAnExpressionThatIsNotTakenIsSaidWhyAndWhere(string path, string error) => Assert.Equal(error, Errors(Http($"{{matches: [{{path: {{type: {path}}}}}]}}")));

    [Theory]
    [InlineData("0s", null)]
    [InlineData("0h0m0s0ms", null)]
    [InlineData("1h2m3s4ms", 3723004.0)]
    [InlineData("99999ms", 99999.0)]
    [InlineData("5ms5ms", 10.0)]
    public void DurationsAreThoseOfTheApi(string text, double? milliseconds)
    {
        HttpRouteRule rule = Assert.Single(Read(Http($"{{{Backends}, timeouts: {{request: {text}}}}}")).Rules);
        Assert.Equal(milliseconds, rule.RequestTimeout?.TotalMilliseconds);
    }

    [Theory]
    [InlineData("0s", "5s", null, 5.0)]
    [InlineData("5s", "0s", 5.0, null)]
    [InlineData("5s", "5s", 5.0, 5.0)]
    public void ATryMayTakeAsLongAsAllWhereThereIsALimit(string request, string backend, double? all, double? one)
    {
        HttpRouteRule rule = Assert.Single(Read(Http($"{{{Backends}, timeouts: {{request: {request}, backendRequest: {backend}}}}}")).Rules);
        Assert.Equal((all, one), (rule.RequestTimeout?.TotalSeconds, rule.BackendTimeout?.TotalSeconds));
    }

    [Fact]
    public void ARuleForAllRequestsMatchesTheRoot() => Assert.Equal([new HttpRouteMatch()], Assert.Single(Read(Http($"{{{Backends}}}")).Rules).Matches);

    [Fact]
    public void APrefixIsReplacedWhereThereAreNoMatchesAtAll()
    {
        HttpRouteRule rule = Assert.Single(Read(Http($"{{filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplacePrefixMatch, replacePrefixMatch: /a}}}}}}], {Backends}}}")).Rules);
        Assert.Equal(new HttpRewrite(null, new(true, "/a")), rule.Filters.Rewrite);
    }

    [Fact]
    public void OfParentsThatAreGatewaysNothingIsSaid()
    {
        HttpRouteObject route = Read(Http($"{{{Backends}}}", """{name: edge, color: red}, {group: "", kind: Service, name: web, namespace: other, port: 80}"""));
        Assert.Equal([new HttpRouteObject.Parent(1, new(new("other", "web"), 80))], route.Parents);
        Assert.Empty(route.Notes);
        Assert.Empty(route.ProducedFor);
    }

    [Theory]
    [InlineData("gateway.networking.k8s.io/v1", "HTTPRoute", true)]
    [InlineData("gateway.networking.k8s.io/v1beta1", "HTTPRoute", true)]
    [InlineData("gateway.networking.k8s.io/v1", "GRPCRoute", true)]
    [InlineData("gateway.networking.k8s.io/v1alpha2", "HTTPRoute", false)]
    public void TheVersionsAreThese(string version, string kind, bool isRead) => Assert.Equal(isRead, Errors(Route(kind, $"{{{Backends}}}", version: version)).Length == 0);

    [Fact]
    public void WhatIsReadHasWhenAndWhereItWasMade()
    {
        DateTimeOffset created = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        ReadObject read = ObjectReader.Read(new ApiOrigin("apis/x/web", "1") { Created = created }, DocumentReader.ReadOne("a.yaml", 1, Http($"{{{Backends}}}"))!);
        HttpRouteInfo route = ((HttpRouteObject)read.Object!).ToRoute();
        Assert.Equal((created, "apis/x/web", "HTTPRoute shop/web"), (route.Created!.Value, route.SourceReference, route.Key.ToString()));
    }

    private static string Http(string rules, string parents = """{group: "", kind: Service, name: web}""") => Route("HTTPRoute", rules, parents);

    private static string Route(string kind, string rules, string parents = """{group: "", kind: Service, name: web}""", string version = "gateway.networking.k8s.io/v1") =>
        $"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\nspec: {{parentRefs: [{parents}], rules: [{rules}]}}\n";

    private static string Errors(string text) => string.Join('\n', ReadAny(text).Errors.Select(e => $"{e.Field}: {e.Reason}"));

    private static HttpRouteObject Read(string text)
    {
        ReadObject read = ReadAny(text);
        Assert.Empty(read.Errors);
        return (HttpRouteObject)read.Object!;
    }

    private static ReadObject ReadAny(string text) => ObjectReader.Read("a.yaml", DocumentReader.ReadOne("a.yaml", 1, text)!);
}
