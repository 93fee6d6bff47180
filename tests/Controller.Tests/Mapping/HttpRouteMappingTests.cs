using Culvert.Core;
using Culvert.Protocol;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Controller.Tests.Mapping;

/// <summary>What an agent makes of routes of requests.</summary>
public sealed class HttpRouteMappingTests
{
    private static readonly Dictionary<string, (Action<Wire.HttpRoute> Spoil, string Reason)> Spoilt = new()
    {
        ["name"] = (r => r.Name = "", "namespace and name"),
        ["kind"] = (r => r.Kind = Wire.HttpRouteKind.Unspecified, "kind Unspecified of a route is not known"),
        ["created"] = (r => r.Created = new Timestamp { Nanos = -1 }, "created is no time"),
        ["parent"] = (r => r.Parents[0].Name = "", "namespace and name"),
        ["port of a parent"] = (r => r.Parents[0].Port = 65536, "parents.port is 65536"),
        ["no match"] = (r => r.Rules[0].Matches.Clear(), "must have a match"),
        ["kind of path"] = (r => r.Rules[0].Matches[0].PathKind = Wire.RoutePathKind.Unspecified, "path_kind Unspecified is not known"),
        ["path"] = (r => r.Rules[0].Matches[0].Path = "a", "path 'a' does not begin with a slash"),
        ["method of gRPC"] = (r => (r.Rules[0].Matches[0].PathKind, r.Rules[0].Matches[0].Path) = (Wire.RoutePathKind.GrpcMethod, ""), "path is empty"),
        ["expression of a path"] = (r => (r.Rules[0].Matches[0].PathKind, r.Rules[0].Matches[0].Path) = (Wire.RoutePathKind.Expression, "a)|(b"), "path: 'a)|(b' is no regular expression"),
        ["expression of a header"] = (r => r.Rules[0].Matches[0].Headers.Add(new Wire.RouteField { Name = "a", Value = "(", IsExpression = true }), "headers: '(' is no regular expression"),
        ["name of a parameter"] = (r => r.Rules[0].Matches[0].QueryParameters.Add(new Wire.RouteField { Value = "a" }), "query_parameters.name is empty"),
        ["header that is set"] = (r => r.Rules[0].Filters = new() { RequestHeaders = new() { Set = { new Wire.HeaderValue { Value = "a" } } } }, "name of a header is empty"),
        ["header that is removed"] = (r => r.Rules[0].Filters = new() { ResponseHeaders = new() { Remove = { "" } } }, "remove is empty"),
        ["scheme"] = (r => r.Rules[0].Filters = new() { Redirect = new() { Scheme = "ftp", Status = 302 } }, "redirect.scheme 'ftp' is not known"),
        ["status"] = (r => r.Rules[0].Filters = new() { Redirect = new() { Status = 304 } }, "redirect.status is 304"),
        ["port of a redirect"] = (r => r.Rules[0].Filters = new() { Redirect = new() { Status = 302, Port = 65536 } }, "redirect.port is 65536"),
        ["origin"] = (r => r.Rules[0].Filters = new() { Cors = new() { AllowOrigins = { "shop.example" }, MaxAge = 5 } }, "'shop.example' is not an origin"),
        ["age of a preflight"] = (r => r.Rules[0].Filters = new() { Cors = new() { AllowOrigins = { "*" } } }, "cors.max_age is 0"),
        ["mirror"] = (r => r.Rules[0].Filters = Mirrors(new() { Port = 80, Denominator = 1 }), "namespace and name"),
        ["port of a mirror"] = (r => r.Rules[0].Filters = Mirrors(new() { Namespace = "a", Name = "b", Denominator = 1 }), "mirrors.port is 0"),
        ["share of a mirror"] = (r => r.Rules[0].Filters = Mirrors(new() { Namespace = "a", Name = "b", Port = 80 }), "mirrors: 0 of 0 is no share"),
        ["more than all"] = (r => r.Rules[0].Filters = Mirrors(new() { Namespace = "a", Name = "b", Port = 80, Numerator = 2, Denominator = 1 }), "mirrors: 2 of 1 is no share"),
        ["too many mirrors"] = (r => r.Rules[0].Filters = Mirrors(new() { Namespace = "a", Name = "b", Port = 80, Denominator = 1 }, 9), "a rule has 9 mirrors"),
        ["backend"] = (r => r.Rules[0].Backends[0].Namespace = "", "namespace and name"),
        ["port of a backend"] = (r => r.Rules[0].Backends[0].Port = 0, "backends.port is 0"),
        ["weight"] = (r => r.Rules[0].Backends[0].Weight = 1_000_001, "backends.weight is 1000001"),
        ["timeout"] = (r => r.Rules[0].RequestTimeout = new Duration(), "request_timeout is 00:00:00"),
        ["timeout of a try"] = (r => r.Rules[0].BackendTimeout = new Duration { Seconds = -1 }, "backend_timeout is -00:00:01"),
        ["no duration"] = (r => r.Rules[0].BackendTimeout = new Duration { Seconds = 1, Nanos = -1 }, "backend_timeout is no duration"),
        ["attempts"] = (r => r.Rules[0].Retry = new(), "retry.attempts is 0"),
        ["codes"] = (r => r.Rules[0].Retry = new() { Attempts = 1, Codes = { 500, 399 } }, "retry.codes holds 399"),
        ["backoff"] = (r => r.Rules[0].Retry = new() { Attempts = 1, Backoff = new() }, "retry.backoff is 00:00:00"),
    };

    private static Wire.HttpRouteFilters Mirrors(Wire.HttpRouteMirror mirror, int count = 1) => new() { Mirrors = { Enumerable.Repeat(mirror, count) } };

    public static TheoryData<string> Fields => [.. Spoilt.Keys];

    [Theory]
    [MemberData(nameof(Fields))]
    public void A_value_that_is_not_allowed_is_refused(string field)
    {
        Wire.HttpRoute route = Good().ToWire();
        Spoilt[field].Spoil(route);
        Assert.Contains(Spoilt[field].Reason, Assert.Throws<FormatException>(() => route.ToModel()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_said_is_nothing()
    {
        HttpRouteInfo route = Good();
        Assert.Equal(route, route.ToWire().ToModel());
        Assert.Null(route.ToWire().Rules[0].Filters);
    }

    [Fact]
    public void A_backend_that_is_nothing_arrives_as_such()
    {
        HttpRouteInfo route = Good();
        route = route with { Rules = [route.Rules[0] with { Backends = [new(null, 0, 7)] }] };
        Assert.Equal(route, route.ToWire().ToModel());
    }

    [Fact]
    public void Routes_of_both_kinds_may_have_one_name_and_go_one_by_one()
    {
        HttpRouteInfo http = Good(), grpc = Good() with { Kind = HttpRouteKind.Grpc };
        NodeSnapshot both = SnapshotMapping.Apply(new(), "n", new() { Full = true, Version = 1, Upserts = { new Wire.Resource { HttpRoute = http.ToWire() }, new Wire.Resource { HttpRoute = grpc.ToWire() } } });
        Assert.Equal([grpc, http], both.HttpRoutes.Values.OrderBy(r => r.Kind));
        NodeSnapshot one = SnapshotMapping.Apply(both, "n", new() { Version = 2, BaseVersion = 1, Removals = { SnapshotMapping.NameOf(new() { HttpRoute = http.ToWire() }) } });
        Assert.Equal([grpc.Key], one.HttpRoutes.Keys);
    }

    [Theory]
    [InlineData("HTTPRoute a/b", true)]
    [InlineData("GRPCRoute a/b", true)]
    [InlineData("TCPRoute a/b", false)]
    [InlineData("HTTPRoute a", false)]
    [InlineData("a/b", false)]
    [InlineData("", false)]
    public void A_name_is_read_as_it_is_written(string text, bool isName)
    {
        Assert.Equal(isName, HttpRouteMapping.TryParseName(text, out HttpRouteKey key));
        if (isName) Assert.Equal(text, key.ToString());
    }

    private static HttpRouteInfo Good() => new()
    {
        Name = new("shop", "web"),
        Kind = HttpRouteKind.Http,
        Parents = [new(new("shop", "web"))],
        Rules = [new() { Matches = [new()], Backends = [new(new("shop", "web"), 80)] }],
    };
}
