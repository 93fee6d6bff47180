namespace Culvert.Core.Tests;

public sealed class StringPatternTests
{
    [Theory]
    [InlineData("abc", "abc", true)]
    [InlineData("abc", "abcd", false)]
    [InlineData("ab*", "abcd", true)]
    [InlineData("*cd", "abcd", true)]
    [InlineData("*cd", "cda", false)]
    [InlineData("*", "anything", true)]
    [InlineData("*", "", true)]
    public void Matches(string pattern, string value, bool expected) => Assert.Equal(expected, StringPattern.Parse(pattern).Matches(value));

    [Theory]
    [InlineData("")]
    [InlineData("a*b")]
    [InlineData("*a*")]
    [InlineData("**")]
    public void RejectsOtherUsesOfTheStar(string pattern) => Assert.Throws<FormatException>(() => StringPattern.Parse(pattern));

    [Theory]
    [InlineData("cluster.local/ns/a/sa/b", "spiffe://cluster.local/ns/a/sa/b")]
    [InlineData("cluster.local/ns/a/*", "spiffe://cluster.local/ns/a/*")]
    [InlineData("spiffe://td/x", "spiffe://td/x")]
    [InlineData("*/sa/b", "*/sa/b")]
    public void NormalisesIdentityPatterns(string text, string expected)
    {
        Assert.True(StringPattern.TryParseIdentity(text, out StringPattern pattern, out _));
        Assert.Equal(expected, pattern.Text);
    }

    [Theory]
    [InlineData("https://x/y")]
    [InlineData("https://x/*")]
    [InlineData("TD/ns/a")]
    public void RejectsPatternsThatNoIdentityCanMatch(string text) => Assert.False(StringPattern.TryParseIdentity(text, out _, out _));

    [Fact]
    public void DefaultPatternMatchesNothing() => Assert.False(default(StringPattern).Matches(""));
}
