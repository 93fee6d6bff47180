using System.Text;

namespace Culvert.Core.Tests.HttpRoutes;

/// <summary>Which rule has a request: the table against an evaluator that looks at every match of every route, and the cases that people ask about.</summary>
public sealed class HttpRouteTableTests
{
    private static readonly string[] Paths = ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/shop.Cart/Add", "/shop.Cart", "/other/Add", "*"];
    private static readonly string[] Texts = ["", "x", "y"];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void TheTableFindsWhatLookingAtEveryMatchFinds(int seed)
    {
        Random random = new(seed);
        int found = 0;
        for (int world = 0; world < 50; world++)
        {
            HttpRouteInfo[] routes = [.. Enumerable.Range(0, random.Next(1, 5)).Select(i => Route(random, i))];
            HttpRouteTable table = new(routes);
            for (int i = 0; i < 40; i++)
            {
                Request request = Request.Draw(random);
                (HttpRouteInfo Route, int Rule)? expected = Naive(routes, request);
                Assert.Equal(expected is not null, table.TryFind(request.Routed(), out HttpRouteHit? hit));
                if (expected is null) continue;
                found++;
                Assert.Equal((expected.Value.Route.Name, expected.Value.Rule), (hit!.Route.Name, hit.RuleIndex));
            }
        }

        Assert.InRange(found, 200, 1999);
    }

    [Theory]
    [InlineData("/foo", "/foo", true)]
    [InlineData("/foo", "/foo/bar", true)]
    [InlineData("/foo", "/foobar", false)]
    [InlineData("/foo/", "/foo", true)]
    [InlineData("/", "/anything", true)]
    [InlineData("/caf\u00e9", "/caf%C3%A9/1", true)]
    [InlineData("/a%20b", "/a%20b", true)]
    public void PrefixesAreWholeSegments(string prefix, string path, bool expected) => Assert.Equal(expected, Finds(new HttpRouteMatch { Path = new RoutePath(RoutePathKind.Prefix, prefix) }, new Request("GET", path, [])));

    [Theory]
    [InlineData("q=1", true)]
    [InlineData("z=2&q=1&q=2", true)]
    [InlineData("q=2&q=1", false)]
    [InlineData("%71=%31", true)]
    [InlineData("q=", false)]
    [InlineData("q", false)]
    [InlineData("qq=1", false)]
    public void TheFirstParameterOfANameCounts(string query, bool expected) => Assert.Equal(expected, Finds(new HttpRouteMatch { QueryParameters = [new RouteField("q", "1")] }, new Request("GET", "/?" + query, [])));

    [Theory]
    [InlineData("v[12]", "v1", true)]
    [InlineData("v[12]", "v12", false)]
    [InlineData("v", "xvx", false)]
    [InlineData(".*", "", true)]
    public void ExpressionsMatchTheWholeValue(string expression, string value, bool expected) =>
        Assert.Equal(expected, Finds(new HttpRouteMatch { Headers = [new RouteField("x-version", expression, IsExpression: true)] }, new Request("GET", "/", [("x-version", value)])));

    [Fact]
    public void ATooLongTextMatchesNoExpression()
    {
        HttpRouteMatch path = new() { Path = new RoutePath(RoutePathKind.Expression, "/.*") }, header = new() { Headers = [new RouteField("x", ".*", IsExpression: true)] };
        HttpRouteMatch parameter = new() { QueryParameters = [new RouteField("q", ".*", IsExpression: true)] };
        foreach ((int length, bool expected) in new[] { (RouteExpression.MaxText, true), (RouteExpression.MaxText + 1, false) })
        {
            string text = new('a', length);
            Assert.Equal(expected, Finds(path, new Request("GET", $"/{text[1..]}", [])));
            Assert.Equal(expected, Finds(header, new Request("GET", "/", [("x", text)])));
            Assert.Equal(expected, Finds(parameter, new Request("GET", $"/?q={text}", [])));
        }
    }

    [Fact]
    public void OfManyLinesNoMoreIsComparedThanOfOne()
    {
        HttpRouteMatch header = new() { Headers = [new RouteField("x", "b", IsExpression: true)] };
        string most = new('a', RouteExpression.MaxText - 1);
        Assert.True(Finds(header, new Request("GET", "/", [("x", most), ("x", "b")])));
        Assert.False(Finds(header, new Request("GET", "/", [("x", most), ("x", "a"), ("x", "b")])));
        Assert.False(Finds(header, new Request("GET", "/", [("x", most + most), ("x", "b")])));
    }

    [Fact]
    public void AnExactPathCountsBeforeAnExpressionAndThatBeforeAPrefix()
    {
        HttpRouteInfo route = Of(new RoutePath(RoutePathKind.Prefix, "/a/b"), new RoutePath(RoutePathKind.Expression, "/a/.*"), new RoutePath(RoutePathKind.Exact, "/a/b"));
        HttpRouteTable table = new([route]);
        Assert.Equal(2, RuleOf(table, "/a/b"));
        Assert.Equal(1, RuleOf(table, "/a/b/c"));
    }

    [Fact]
    public void TheOldestRouteCountsThenTheFirstByName()
    {
        HttpRouteInfo young = Of(RoutePath.Any) with { Name = new("ns", "a"), Created = DateTimeOffset.UnixEpoch.AddDays(2) }, old = Of(RoutePath.Any) with { Name = new("ns", "b"), Created = DateTimeOffset.UnixEpoch.AddDays(1) };
        HttpRouteInfo unknown = Of(RoutePath.Any) with { Name = new("ns", "0") };
        Request any = new("GET", "/", []);
        Assert.True(new HttpRouteTable([young, unknown, old]).TryFind(any.Routed(), out HttpRouteHit? hit));
        Assert.Equal("b", hit.Route.Name.Name);
        Assert.True(new HttpRouteTable([young with { Created = null }, unknown]).TryFind(any.Routed(), out hit));
        Assert.Equal("0", hit.Route.Name.Name);
    }

    [Fact]
    public void MethodsOfGrpcCountBehindServices()
    {
        HttpRouteTable table = new([Of(RoutePath.Any, new RoutePath(RoutePathKind.GrpcMethod, "Add"), new RoutePath(RoutePathKind.Prefix, "/shop.Cart"), new RoutePath(RoutePathKind.Exact, "/shop.Cart/Add"))]);
        Assert.Equal([3, 2, 1, 0], new[] { "/shop.Cart/Add", "/shop.Cart/Remove", "/shop.Stock/Add", "/shop.Stock/Remove" }.Select(p => RuleOf(table, p)));
    }

    [Fact]
    public void ARequestOfManySegmentsIsFoundInAMoment()
    {
        HttpRouteTable table = new([.. Enumerable.Range(0, 1000).Select(i => Of(new RoutePath(RoutePathKind.Prefix, $"/p{i}")) with { Name = new("ns", $"r{i:D4}") })]);
        byte[] path = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("/s", 4000)));
        Request none = new("GET", "", []);
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool isFound = false;
        for (int i = 0; i < 1000; i++) isFound |= table.TryFind(new RoutedRequest("GET"u8, path, none), out _);
        Assert.False(isFound);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }

    [Theory]
    [InlineData("(a)\\1", "is no regular expression that is taken: character 4: '\\1' refers to a group")]
    [InlineData("(", "is no regular expression that is taken: character 1: '(' is not closed")]
    public void ExpressionsThatCouldGoBackAreNone(string text, string expected)
    {
        Assert.False(RouteExpression.TryParse(text, out _, out string? reason));
        Assert.Equal(expected, reason);
        Assert.False(RouteExpression.TryParse(new string('a', RouteExpression.MaxLength + 1), out _, out reason));
        Assert.Equal("is longer than 1024 characters", reason);
    }

    private static bool Finds(HttpRouteMatch match, Request request) =>
        new HttpRouteTable([new HttpRouteInfo { Name = new("ns", "r"), Kind = HttpRouteKind.Http, Rules = [new HttpRouteRule { Matches = [match] }] }]).TryFind(request.Routed(), out _);

    private static int RuleOf(HttpRouteTable table, string path) => table.TryFind(new Request("GET", path, []).Routed(), out HttpRouteHit? hit) ? hit.RuleIndex : -1;

    private static HttpRouteInfo Of(params RoutePath[] paths) =>
        new() { Name = new("ns", "r"), Kind = HttpRouteKind.Http, Rules = paths.Select(p => new HttpRouteRule { Matches = [new HttpRouteMatch { Path = p }] }).ToEquatableArray() };

    private static HttpRouteInfo Route(Random random, int number) => new()
    {
        Name = new("ns", $"r{random.Next(10)}-{number}"),
        Kind = HttpRouteKind.Http,
        Created = random.Next(3) == 0 ? null : DateTimeOffset.UnixEpoch.AddDays(random.Next(3)),
        Rules = Enumerable.Range(0, random.Next(1, 4)).Select(_ => new HttpRouteRule { Matches = Enumerable.Range(0, random.Next(1, 3)).Select(_ => Match(random)).ToEquatableArray() }).ToEquatableArray(),
    };

    private static HttpRouteMatch Match(Random random) => new()
    {
        Path = random.Next(4) switch
        {
            0 => new RoutePath(RoutePathKind.Exact, Paths[random.Next(Paths.Length - 1)]),
            1 => new RoutePath(RoutePathKind.Expression, random.Next(2) == 0 ? "/a.*" : "/[^/]+"),
            2 => new RoutePath(RoutePathKind.GrpcMethod, "Add"),
            _ => new RoutePath(RoutePathKind.Prefix, Paths[random.Next(Paths.Length - 1)]),
        },
        Method = random.Next(4) == 0 ? "POST" : null,
        Headers = Fields(random, "h"),
        QueryParameters = Fields(random, "q"),
    };

    private static EquatableArray<RouteField> Fields(Random random, string prefix) =>
        Enumerable.Range(0, Math.Max(0, random.Next(4) - 1)).Select(i => new RouteField($"{prefix}{i}", Texts[random.Next(Texts.Length)])).ToEquatableArray();

    // The first by the Gateway API's words, of all that match.
    private static (HttpRouteInfo Route, int Rule)? Naive(HttpRouteInfo[] routes, Request request)
    {
        var all = from route in routes
                  from rule in Enumerable.Range(0, route.Rules.Count)
                  from match in Enumerable.Range(0, route.Rules[rule].Matches.Count)
                  let wanted = route.Rules[rule].Matches[match]
                  where Has(request, wanted)
                  orderby PathRank(wanted.Path) descending, wanted.Path.Value.TrimEnd('/').Length descending, wanted.Method is not null descending, wanted.Headers.Count descending,
                      wanted.QueryParameters.Count descending, route.Created ?? DateTimeOffset.MaxValue, route.Name, rule, match
                  select (route, rule);
        return all.Any() ? all.First() : null;
    }

    // Below exact paths come expressions, then prefixes, then methods of gRPC and last what has every path.
    private static int PathRank(RoutePath path) => path.Kind switch
    {
        RoutePathKind.Exact => 4,
        RoutePathKind.Expression => 3,
        RoutePathKind.Prefix => path.Value == "/" ? 0 : 2,
        _ => 1,
    };

    private static bool Has(Request request, HttpRouteMatch match)
    {
        string path = request.Target.Split('?')[0];
        string[] segments = path.Split('/');
        bool isPath = match.Path.Kind switch
        {
            RoutePathKind.Exact => path == match.Path.Value,
            RoutePathKind.Expression => System.Text.RegularExpressions.Regex.IsMatch(path, $"^(?:{match.Path.Value})$"),
            RoutePathKind.GrpcMethod => segments is ["", not "", "Add"],
            _ => match.Path.Value == "/" || path == match.Path.Value.TrimEnd('/') || path.StartsWith(match.Path.Value.TrimEnd('/') + "/", StringComparison.Ordinal),
        };
        return isPath && (match.Method is null || match.Method == request.Method) && match.Headers.All(h => request.Fields.Contains((h.Name, h.Value)))
            && match.QueryParameters.All(q => request.Target.Contains('?', StringComparison.Ordinal)
                && request.Target.Split('?')[1].Split('&').Select(p => p.Split('=')).FirstOrDefault(p => p[0] == q.Name) is [_, var value] && value == q.Value);
    }

    private sealed record Request(string Method, string Target, (string Name, string Value)[] Fields) : IRequestFields
    {
        public int Count => Fields.Length;

        public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            name = Encoding.UTF8.GetBytes(Fields[index].Name);
            value = Encoding.UTF8.GetBytes(Fields[index].Value);
        }

        internal RoutedRequest Routed() => new(Encoding.ASCII.GetBytes(Method), Encoding.ASCII.GetBytes(Target), this);

        internal static Request Draw(Random random)
        {
            string query = string.Join('&', Enumerable.Range(0, random.Next(3)).Select(_ => $"q{random.Next(2)}={Texts[random.Next(Texts.Length)]}"));
            string path = Paths[random.Next(Paths.Length)];
            return new Request(random.Next(2) == 0 ? "GET" : "POST", query.Length == 0 ? path : $"{path}?{query}", [.. Enumerable.Range(0, random.Next(4)).Select(_ => ($"h{random.Next(2)}", Texts[random.Next(Texts.Length)]))]);
        }
    }
}
