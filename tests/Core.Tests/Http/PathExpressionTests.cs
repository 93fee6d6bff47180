using System.Text;
using System.Text.RegularExpressions;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests.Http;

/// <summary>Patterns of paths that are regular expressions, as SMI has them: anchored at the beginning only, and bounded in size.</summary>
public sealed class PathExpressionTests
{
    private static readonly string[] Atoms = ["a", "b", "/", ".", "[^/]", "[ab]", @"\.", "(?:a|/b)", "(b|ab)"];
    private static readonly string[] Repetitions = ["", "", "", "*", "+", "?", "{2}", "{1,2}"];

    [Theory]
    [InlineData("/api", "/api", true)]
    [InlineData("/api", "/api-admin", true)] // anchored at the beginning only
    [InlineData("/api", "/v1/api", false)]
    [InlineData("/api$", "/api-admin", false)]
    [InlineData("/api/.*", "/api/", true)]
    [InlineData("/api/.+", "/api/", false)]
    [InlineData("^/api", "/api/x", true)]
    [InlineData("/a|/b", "/b/c", true)]
    [InlineData("/a|/b", "/c/b", false)]
    [InlineData("^/a|/b$", "/b/c", false)]
    [InlineData(".*/metrics$", "/a/b/metrics", true)]
    [InlineData("/users/[^/]+/orders$", "/users/7/orders", true)]
    [InlineData("/users/[^/]+/orders$", "/users/7/8/orders", false)]
    [InlineData(@"/a\.html", "/a.html", true)]
    [InlineData(@"/a\.html", "/axhtml", false)]
    [InlineData("(?i)/API", "/api", true)]
    [InlineData("", "/anything", true)]
    [InlineData("^*/a", "/a", true)]
    [InlineData(".*", "*", true)]
    [InlineData("/caf%C3%A9", "/caf%C3%A9", true)]
    public void Match_a_beginning_of_the_path(string text, string path, bool matches)
    {
        PathPattern pattern = Parse(text);
        Assert.Equal(matches, pattern.Matches(Encoding.Latin1.GetBytes(path)));
        Assert.Equal((pattern, matches), (PathPattern.ParseAny(pattern.Text), PathPattern.ParseAny(pattern.Text).Matches(Encoding.Latin1.GetBytes(path))));
        Assert.True(pattern.IsExpression != PathPattern.TryParse(pattern.Text, out _, out _), "agents that don't know expressions, and AuthorizationPolicies, take it for a path");
        Assert.True(RouteExpression.TryParse(pattern.ToWholeExpression(), out RouteExpression? whole, out _));
        Assert.Equal(matches, whole.IsMatch(Encoding.Latin1.GetBytes(path)));
    }

    [Theory]
    [InlineData("/a(", "no regular expression")]
    [InlineData("/a)|(b", "no regular expression")]
    [InlineData("*", "no regular expression")]
    [InlineData(@"/(a)\1", "refers to a group")]
    [InlineData("/a(?=b)", "looks ahead")]
    [InlineData("/a(?<!b)", "looks behind")]
    [InlineData("/café", "percent-encoded")]
    [InlineData("/a b", "percent-encoded")]
    [InlineData("/a{600}", "too large")]
    [InlineData("/a{128}", "too large: it has 129 characters")]
    [InlineData("/(a{30}){30}", "too large")]
    [InlineData("/(((a{9}){9}){9}){9}", "too large")]
    [InlineData("/[a]{513,}", "too large")]
    [InlineData("/a(?#(){9}", "a comment")]
    [InlineData(@"\c[|/(?:a|b)*a(?:a|b){100000}", @"'\c' means nothing")]
    [InlineData(@"/[\c\](?:a|b){100000}", @"'\c' means nothing")]
    [InlineData("(?x)/a#[", "no option")]
    [InlineData("(?x)/a", "no option")]
    [InlineData("(?i-x:/a)", "no option")]
    public void That_are_none_or_too_large_are_refused(string text, string reason)
    {
        Assert.False(PathPattern.TryParseExpression(text, out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.False(PathPattern.TryParseExpression("/a?" + new string('a', RouteExpression.MaxPolicySize), out _, out _));
    }

    [Fact]
    public void Plain_ones_are_refused_that_routes_could_not_take_and_long_paths_match_none()
    {
        Assert.False(PathPattern.TryParseExpression("/" + new string('.', 5) + new string('a', 1018), out _, out _));
        Assert.False(PathPattern.TryParseExpression("/" + string.Concat(Enumerable.Repeat(@"\.", 600)), out _, out string? error));
        Assert.Contains("longer than 1024", error, StringComparison.Ordinal);
        Assert.True(PathPattern.TryParseExpression("/[ab]*", out PathPattern pattern, out _));
        Assert.True(pattern.Matches(System.Text.Encoding.ASCII.GetBytes("/" + new string('a', RouteExpression.MaxPolicyText - 1))));
        Assert.False(pattern.Matches(System.Text.Encoding.ASCII.GetBytes("/" + new string('a', RouteExpression.MaxPolicyText))));
    }

    [Theory]
    [InlineData("/a", "/a*")]
    [InlineData("^/a/.*", "/a/*")]
    [InlineData("/a.*$", "/a*")]
    [InlineData("/a$", "/a")]
    [InlineData(@"/a\.b\-c$", "/a.b-c")]
    [InlineData(@".*\.php$", "*.php")]
    [InlineData(".*", "*")]
    [InlineData("", "*")]
    [InlineData("^$", "^$")]
    [InlineData(".*a", "^.*a")]
    [InlineData(@"/a\.*", @"^/a\.*")]
    [InlineData(@"/a\$", @"^/a\$")]
    [InlineData(@"/a\d", @"^/a\d")]
    [InlineData(@"/a\*", @"^/a\*")]
    [InlineData(@"/a\{b\}", @"^/a\{b\}")]
    [InlineData("/a//b", "^/a//b")]
    [InlineData("/a+", "^/a+")]
    public void That_say_no_more_than_other_patterns_are_those(string text, string pattern) => Assert.Equal(pattern, Parse(text).Text);

    [Theory]
    [InlineData("/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    [InlineData(@"/v[0-9]{1,3}/\{a\}{3}/[{3}]/(x{2}|y){2,4}")]
    [InlineData("/a{,3}/{b}/a{")]
    public void Of_the_usual_size_are_taken(string text) => Assert.Equal('^' + text, Parse(text).Text);

    [Fact]
    public void Match_what_an_engine_that_goes_back_matches()
    {
        Random random = new(5);
        int matched = 0, asked = 0;
        for (int round = 0; round < 3_000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => Pick(random, Atoms) + Pick(random, Repetitions)));
            if (random.Next(3) == 0) text = $"{Pick(random, ["", "", ".*"])}/{Pick(random, ["a", "b", @"\.", @"a\.b", "a/b", @"a\."])}{Pick(random, ["", "", ".*"])}";
            if (random.Next(4) == 0) text += "|/" + Pick(random, Atoms);
            if (random.Next(3) == 0) text += "$";
            if (random.Next(3) == 0) text = "^" + text;
            PathPattern pattern = Parse(text);
            Assert.True(RouteExpression.TryParse(pattern.ToWholeExpression(), out RouteExpression? whole, out _));
            Regex slow = new($"^(?:{text})", RegexOptions.CultureInvariant);
            for (int i = 0; i < 20; i++)
            {
                string path = "/" + string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => Pick(random, ["a", "b", "/", "."])));
                bool expected = slow.IsMatch(path);
                Assert.True(expected == pattern.Matches(Encoding.Latin1.GetBytes(path)), $"{text} {path}");
                Assert.True(expected == whole!.IsMatch(Encoding.Latin1.GetBytes(path)), $"{text} {path}");
                asked++;
                if (expected) matched++;
            }
        }

        Assert.InRange(matched, asked / 10, asked * 9 / 10);
    }

    [Fact]
    public void A_long_path_takes_no_time_that_grows_faster_than_it()
    {
        // An engine that goes back would not come to an end.
        PathPattern pattern = Parse("/(a|a|b?a)*(a|a)*(.*a){8}c$");
        Assert.False(pattern.Matches(Encoding.Latin1.GetBytes("/" + new string('a', 8192))));
    }

    [Fact]
    public void Matching_allocates_nothing()
    {
        RequestConditions conditions = new() { Paths = [Parse("/users/[^/]+/orders")], Headers = [new HeaderCondition { Name = "x-team", Expressions = [Given.Expression(".*blue.*")] }] };
        SomeRequest request = new("GET", "shop", "/users/7/orders/9", ("x-team", "light blue"));
        for (int i = 0; i < 100; i++) Assert.True(conditions.Match(request.Head, PolicyAction.Allow));
        bool matches = true;
        long allocated = Allocations.Of(() =>
        {
            for (int i = 0; i < 1000; i++) matches &= conditions.Match(request.Head, PolicyAction.Allow);
        });
        Assert.Equal((true, 0), (matches, allocated));
    }

    private static PathPattern Parse(string text) => PathPattern.TryParseExpression(text, out PathPattern pattern, out string? error) ? pattern : throw new FormatException(error);

    private static string Pick(Random random, string[] of) => of[random.Next(of.Length)];
}
