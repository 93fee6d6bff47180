using System.Text;
using System.Text.RegularExpressions;

namespace Culvert.Core.Tests.Http;

/// <summary>What patterns over paths match, and which are none.</summary>
public sealed class PathPatternTests
{
    [Theory]
    [InlineData("/a", "/a", true)]
    [InlineData("/a", "/a/", false)]
    [InlineData("/a", "/A", false)]
    [InlineData("/a*", "/a", true)]
    [InlineData("/a/*", "/a", false)]
    [InlineData("/a/*", "/a/b/c", true)]
    [InlineData("*.html", "/a/b.html", true)]
    [InlineData("*.html", "/a/b.htm", false)]
    [InlineData("*", "*", true)]
    [InlineData("/{*}", "/a", true)]
    [InlineData("/{*}", "/", false)]
    [InlineData("/{*}", "/a/b", false)]
    [InlineData("/users/{*}/orders", "/users/7/orders", true)]
    [InlineData("/users/{*}/orders", "/users/7/8/orders", false)]
    [InlineData("/users/{*}/orders", "/users/7/orders/", false)]
    [InlineData("/users/{*}/orders", "*", false)]
    [InlineData("/a/{**}", "/a", true)]
    [InlineData("/a/{**}", "/a/", true)]
    [InlineData("/a/{**}", "/a/b/c", true)]
    [InlineData("/a/{**}", "/ab", false)]
    [InlineData("/{*}/b/{**}", "/a/b/c/d", true)]
    [InlineData("/pkg.Service/Method", "/pkg.Service/Method", true)]
    [InlineData("/%C3%A9", "/%C3%A9", true)]
    public void Match_normalised_paths(string pattern, string path, bool matches) => Assert.Equal(matches, PathPattern.Parse(pattern).Matches(Encoding.Latin1.GetBytes(path)));

    [Theory]
    [InlineData("", "must not be empty")]
    [InlineData("a/b", "does not begin with '/'")]
    [InlineData("/a?b=1", "queries")]
    [InlineData("/a#b", "queries")]
    [InlineData("/a*b", "'*' may stand once")]
    [InlineData("*a*", "'*' may stand once")]
    [InlineData("/é", "percent-encoded")]
    [InlineData("/a b", "percent-encoded")]
    [InlineData("/a/../b", "matches no path")]
    [InlineData("/a//b*", "matches no path")]
    [InlineData("/a%2fb", "matches no path")]
    [InlineData("/%41", "matches no path")]
    [InlineData("/%c3%a9", "matches no path")]
    [InlineData("/a;b", "matches no path")]
    [InlineData("/users/[0-9]+", "regular expressions are not taken")]
    [InlineData("/a|/b", "regular expressions are not taken")]
    [InlineData("/a(/.*)?", "regular expressions are not taken")]
    [InlineData("/a%3Ab", "matches no path")]
    [InlineData("/a%zz", "matches no path")]
    [InlineData("/{a}", "not a segment")]
    [InlineData("/x{*}", "not a segment")]
    [InlineData("/{**}/a", "not a segment")]
    [InlineData("{*}", "does not begin with '/'")]
    public void That_can_match_nothing_are_refused(string pattern, string reason)
    {
        Assert.False(PathPattern.TryParse(pattern, out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Templates_match_as_expressions_that_say_the_same()
    {
        Random random = new(3);
        string[] pieces = ["a", "b", "{*}", "{*}"];
        int matched = 0;
        for (int round = 0; round < 20_000; round++)
        {
            string[] segments = [.. Enumerable.Range(0, random.Next(4)).Select(_ => pieces[random.Next(pieces.Length)])];
            string text = $"{string.Concat(segments.Select(s => "/" + s))}{(random.Next(3) == 0 ? "/{**}" : "")}";
            if (!text.Contains('{', StringComparison.Ordinal) || !PathPattern.TryParse(text, out PathPattern pattern, out _)) continue;
            string path = "/" + string.Join('/', Enumerable.Range(0, random.Next(5)).Select(_ => new[] { "a", "b", "" }[random.Next(3)]));
            string expression = Regex.Escape(text).Replace(@"/\{\*\*}", "(/.*)?", StringComparison.Ordinal).Replace(@"\{\*}", "[^/]+", StringComparison.Ordinal);
            bool expected = Regex.IsMatch(path, $@"\A{expression}\z");
            Assert.True(expected == pattern.Matches(Encoding.Latin1.GetBytes(path)), $"{text} {path} {expression}");
            if (expected) matched++;
        }

        Assert.InRange(matched, 500, 20_000);
    }
}
