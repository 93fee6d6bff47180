using System.Text;

namespace Culvert.Core.Tests.Http;

/// <summary>Paths have one form before anything is decided by them.</summary>
public sealed class HttpPathTests
{
    [Theory]
    [InlineData("/", false, "/")]
    [InlineData("*", true, "*")]
    [InlineData("/a/./b/../c", false, "/a/c")]
    [InlineData("/a/b/..", false, "/a/")]
    [InlineData("/a/.", false, "/a/")]
    [InlineData("/a/..", false, "/")]
    [InlineData("/.hidden/...", false, "/.hidden/...")]
    [InlineData("/%61%2e%2E/%2e/b", false, "/a../b")]
    [InlineData("/a/%2e%2e/b", false, "/b")]
    [InlineData("/a%2fb%3f", false, "/a%2Fb%3F")]
    [InlineData("/a\\..\\b", false, "/b")]
    [InlineData("//a//b/", false, "//a//b/")]
    [InlineData("//a//b//", true, "/a/b/")]
    [InlineData("/a//../b", true, "/b")]
    [InlineData("/a//../b", false, "/a/b")]
    [InlineData("/a%2f..%5Cb", false, "/a%2F..%5Cb")]
    [InlineData("/a%2f..%5Cb", true, "/b")]
    [InlineData("/a;v=1/b;c", true, "/a/b")]
    [InlineData("/a;v=1/b;c", false, "/a;v=1/b;c")]
    [InlineData("/a/..;/b", true, "/b")]
    [InlineData("/a;x%2fb", true, "/a/b")]
    [InlineData("/a%3Bb", true, "/a%3Bb")]
    [InlineData("/a%252fb", true, "/a%252fb")] // once only
    public void HasOneForm(string path, bool isLenient, string expected) => Assert.Equal(expected, Normalize(path, isLenient));

    [Theory]
    [InlineData("/..")]
    [InlineData("/a/../../b")]
    [InlineData("/%2e%2e/a")]
    [InlineData("/a%00b")]
    [InlineData("/%zz")]
    [InlineData("/a%4")]
    [InlineData("/%%41a")]
    [InlineData("/a#b")]
    public void LeadsNowhere(string path) => Assert.Null(Normalize(path, false));

    [Fact]
    public void WhatWasNormalisedStaysAsItIs()
    {
        Random random = new(12);
        string[] pieces = ["/", "/", ".", "..", "a", "%2e", "%2F", "%5c", "\\", "%41", "%25", ";", "b", "b", "%"];
        int kept = 0;
        for (int round = 0; round < 20_000; round++)
        {
            string path = "/" + string.Concat(Enumerable.Range(0, random.Next(10)).Select(_ => pieces[random.Next(pieces.Length)]));
            bool isLenient = random.Next(2) == 0;
            if (Normalize(path, isLenient) is not { } once) continue;
            kept++;
            Assert.StartsWith("/", once, StringComparison.Ordinal);
            Assert.DoesNotContain("/../", once, StringComparison.Ordinal);
            Assert.Equal(once, Normalize(once, isLenient));
            if (HttpPath.IsPlain(Encoding.Latin1.GetBytes(path))) Assert.Equal((path, path), (once, Normalize(path, !isLenient)));
        }

        Assert.InRange(kept, 5_000, 19_000);
    }

    private static string? Normalize(string path, bool isLenient)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(path), room = new byte[bytes.Length];
        return HttpPath.TryNormalize(bytes, isLenient, room, out int length) ? Encoding.Latin1.GetString(room, 0, length) : null;
    }
}
