using System.Text;

namespace Culvert.Core.Tests.Http;

/// <summary>Paths have one form before anything is decided by them, and are compared in each way in which servers read them.</summary>
[Trait("Category", "Attack")]
public sealed class HttpPathTests
{
    [Theory]
    [InlineData("/", "/")]
    [InlineData("*", "*")]
    [InlineData("/a/./b/../c", "/a/c")]
    [InlineData("/a/b/..", "/a/")]
    [InlineData("/a/.", "/a/")]
    [InlineData("/a/..", "/")]
    [InlineData("/.hidden/...", "/.hidden/...")]
    [InlineData("/%61%2e%2E/%2e/b", "/a../b")]
    [InlineData("/a/%2e%2e/b", "/b")]
    [InlineData("/a%2fb%3f", "/a%2Fb%3F")]
    [InlineData("/a\\..\\b", "/b")]
    [InlineData("//a//b/", "//a//b/")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData("/a%252fb", "/a%252fb")]
    [InlineData("/a;v=1/b%3Ac", "/a;v=1/b%3Ac")]
    public void HasOneForm(string path, string expected) => Assert.Equal(expected, Normalize(path));

    [Theory]
    [InlineData("/..")]
    [InlineData("/a/../../b")]
    [InlineData("/%2e%2e/a")]
    [InlineData("/a%00b")]
    [InlineData("/%zz")]
    [InlineData("/a%4")]
    [InlineData("/%%41a")]
    [InlineData("/a#b")]
    [InlineData("/a%2f..")]
    [InlineData("/a%5C..%2fb")]
    [InlineData("/%2e%2fa")]
    [InlineData("/a/..;x/b")]
    [InlineData("/.;")]
    [InlineData("/a;x%2F..")]
    [InlineData("/a;%2F..%2Fb")]
    public void LeadsNowhereOrToDifferentPlaces(string path) => Assert.Null(Normalize(path));

    [Theory]
    [InlineData("/a/b", "/a/b")]
    [InlineData("/a%3Ab%22%C3%A9%20%2A", "/a:b%22%C3%A9%20%2A")]
    [InlineData("/a[b]|c%7C", "/a%5Bb%5D%7Cc%7C")]
    [InlineData("/a*{b}", "/a%2A%7Bb%7D")]
    [InlineData("/a//b", "/a//b /a/b")]
    [InlineData("/a%2Fb", "/a%2Fb /a/b")]
    [InlineData("/a%2F/b", "/a%2F/b /a//b /a/b")]
    [InlineData("/a;x/b", "/a;x/b /a/b")]
    [InlineData("/a;x%2Fb/c", "/a;x%2Fb/c /a;x/b/c /a/c /a/b/c")]
    [InlineData("/a%3Bx", "/a%3Bx")]
    [InlineData("//a/b", "//a/b /a/b /b")]
    [InlineData("//a", "//a /a /")]
    [InlineData("/\\\\a//b;c", "///a//b;c /a/b;c ///a//b /a/b //b;c /b;c //b /b")]
    [InlineData("/a;//x", "/a;//x /a;/x /a//x /a/x")]
    public void HasTheReadingsThatServersHave(string path, string readings)
    {
        byte[] normal = Encoding.Latin1.GetBytes(Normalize(path)!), room = new byte[PathReadings.RoomFor(normal.Length)];
        PathReadings found = PathReadings.Of(normal, room, new int[HttpPath.MostReadings]);
        HashSet<string> all = [];
        for (int i = 0; i < found.Count; i++) all.Add(Encoding.Latin1.GetString(found[i]));
        Assert.Equal(readings.Split(' ').Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void WhatWasNormalisedStaysAsItIsAndNoReadingOfItLeadsElsewhere()
    {
        Random random = new(12);
        string[] pieces = ["/", "/", ".", "..", "a", "%2e", "%2F", "%5c", "\\", "%41", "%25", ";", "b", "b", "%", "%3a", "*"];
        int kept = 0;
        for (int round = 0; round < 30_000; round++)
        {
            string path = "/" + string.Concat(Enumerable.Range(0, random.Next(10)).Select(_ => pieces[random.Next(pieces.Length)]));
            if (Normalize(path) is not { } once) continue;
            kept++;
            Assert.StartsWith("/", once, StringComparison.Ordinal);
            Assert.Equal(once, Normalize(once));
            if (HttpPath.IsPlain(Encoding.Latin1.GetBytes(path))) Assert.Equal(path, once);
            byte[] normal = Encoding.Latin1.GetBytes(once), room = new byte[normal.Length * HttpPath.Growth];
            for (int reading = 0; reading < HttpPath.MostReadings; reading++)
            {
                string read = Encoding.Latin1.GetString(room, 0, HttpPath.Read(normal, reading, room));
                Assert.DoesNotContain(read.Split('/'), s => s is "." or "..");
                if (HttpPath.IsPlain(normal)) Assert.Equal(once, read);
            }
        }

        Assert.InRange(kept, 5_000, 29_000);
    }

    private static string? Normalize(string path)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(path), room = new byte[bytes.Length];
        return HttpPath.TryNormalize(bytes, room, out int length) ? Encoding.Latin1.GetString(room, 0, length) : null;
    }
}
