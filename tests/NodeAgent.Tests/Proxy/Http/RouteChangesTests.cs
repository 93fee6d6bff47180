using System.Text;
using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What routes make of paths, heads and locations, in the words of the Gateway API.</summary>
public sealed class RouteChangesTests
{
    [Theory]
    [InlineData("/foo", "/xyz", "/foo/bar", "/xyz/bar")]
    [InlineData("/foo", "/xyz/", "/foo/bar", "/xyz/bar")]
    [InlineData("/foo", "/xyz", "/foo", "/xyz")]
    [InlineData("/foo", "/xyz", "/foo/", "/xyz/")]
    [InlineData("/foo", "/", "/foo", "/")]
    [InlineData("/foo", "/", "/foo/", "/")]
    [InlineData("/foo", "/", "/foo/bar?a=/foo", "/bar?a=/foo")]
    [InlineData("/", "/xyz", "/bar", "/xyz/bar")]
    public void APrefixIsReplacedAsAWhole(string prefix, string value, string target, string expected) => Assert.Equal(expected, Change(new PathChange(IsPrefix: true, value), prefix, target));

    [Theory]
    [InlineData("/xyz", "/foo/bar", "/xyz")]
    [InlineData("/xyz", "/foo/bar?q=1", "/xyz?q=1")]
    public void AWholePathIsReplacedWithoutItsQuery(string value, string target, string expected) => Assert.Equal(expected, Change(new PathChange(IsPrefix: false, value), "/", target));

    [Theory]
    [InlineData(null, null, null, "shop", 80, "http://shop/a?b")]
    [InlineData(null, null, null, "shop", 8080, "http://shop:8080/a?b")]
    [InlineData(null, null, null, "shop:9000", 8080, "http://shop:9000/a?b")]
    [InlineData("https", null, null, "shop:9000", 8080, "https://shop/a?b")]
    [InlineData("https", null, 8443, "shop", 8080, "https://shop:8443/a?b")]
    [InlineData("https", "www.example", 443, "shop", 8080, "https://www.example/a?b")]
    [InlineData(null, "www.example", null, "[fd00::1]:81", 80, "http://www.example:81/a?b")]
    [InlineData(null, null, 80, "[fd00::1]:81", 80, "http://[fd00::1]/a?b")]
    public void ALocationHasWhatIsNotAsItWasAskedFor(string? scheme, string? host, int? port, string asked, int connected, string expected)
    {
        HttpRouteRule rule = new()
        {
            Matches = [new HttpRouteMatch()],
            Filters = new HttpRouteFilters { Redirect = new HttpRedirect { Scheme = scheme, Host = host, Port = (ushort?)port, Status = 308 } },
        };
        HeaderList fields = Redirection.Of(Request(asked, "/a?b"), Hit(rule, "/a"), (ushort)connected, DateTimeOffset.UnixEpoch);
        Assert.Equal((308, expected), (fields.Status, fields.GetString("location"u8)));
    }

    [Fact]
    public void WhatIsSetTakesThePlaceOfAllThatWasThereAndWhatIsAddedComesBesideIt()
    {
        HttpRouteRule rule = new()
        {
            Matches = [new HttpRouteMatch()],
            Filters = new HttpRouteFilters { RequestHeaders = new HeaderChanges([new("a", "set")], [new("b", "added")], ["c"]), Rewrite = new HttpRewrite("inner", null) },
        };
        HttpRouteBackend backend = new(new("ns", "b"), 80) { Filters = new HttpRouteFilters { RequestHeaders = new HeaderChanges([], [new("a", "by the backend")], []) } };
        HeaderList request = Request("shop", "/").Add("a"u8, "1"u8).Add("a"u8, "2"u8).Add("b"u8, "1"u8).Add("c"u8, "1"u8);
        string before = Text(request);
        Assert.Equal(":method=GET :authority=inner :path=/ b=1 a=set b=added a=by the backend", Text(new HeadChanges().OfRequest(request, Hit(rule, "/"), backend)));
        Assert.Equal(before, Text(request)); // it may have to be sent again
    }

    [Fact]
    public void ARequestWithoutAHostGetsTheOneThatItIsRewrittenTo()
    {
        HttpRouteRule rule = new() { Matches = [new HttpRouteMatch()], Filters = new HttpRouteFilters { Rewrite = new HttpRewrite("inner", null) } };
        HeaderList ofHttp2 = new HeaderList().Add(":method"u8, "GET"u8).Add(":path"u8, "/"u8).Add("host"u8, "shop"u8).Add("a"u8, "1"u8);
        Assert.Equal(":method=GET :path=/ :authority=inner a=1", Text(new HeadChanges().OfRequest(ofHttp2, Hit(rule, "/"), null)));
        HeaderList bare = new HeaderList().Add(":method"u8, "GET"u8).Add(":path"u8, "/"u8);
        Assert.Equal(":method=GET :path=/ :authority=inner", Text(new HeadChanges().OfRequest(bare, Hit(rule, "/"), null)));
    }

    private static string Change(PathChange change, string prefix, string target)
    {
        byte[] asked = Encoding.ASCII.GetBytes(target), room = new byte[PathChanges.RoomFor(change, asked)];
        return Encoding.ASCII.GetString(room, 0, PathChanges.Write(change, prefix.TrimEnd('/').Length, asked, room));
    }

    private static HttpRouteHit Hit(HttpRouteRule rule, string path)
    {
        HttpRouteTable table = new([new HttpRouteInfo { Name = new("ns", "r"), Kind = HttpRouteKind.Http, Rules = [rule] }]);
        Assert.True(table.TryFind(new RoutedRequest("GET"u8, Encoding.ASCII.GetBytes(path), new NoFields()), out HttpRouteHit? hit));
        return hit;
    }

    private static HeaderList Request(string host, string target) =>
        new HeaderList().Add(":method"u8, "GET"u8).Add(":authority"u8, Encoding.ASCII.GetBytes(host)).Add(":path"u8, Encoding.ASCII.GetBytes(target));

    private static string Text(HeaderList fields) => string.Join(' ', Enumerable.Range(0, fields.Count).Select(i => $"{Encoding.ASCII.GetString(fields[i].Name)}={Encoding.ASCII.GetString(fields[i].Value)}"));
}
